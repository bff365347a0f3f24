"""DMARC."""
