"""Counters and connection counts."""
