"""The console, driven by keys against a real management service."""
