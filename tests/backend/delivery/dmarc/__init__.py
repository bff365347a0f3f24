"""DMARC reports."""
