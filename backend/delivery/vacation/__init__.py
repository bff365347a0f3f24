"""Vacation: who is away, and to whom that is said (RFC 3834, RFC 5230)."""
