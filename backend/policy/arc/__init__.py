"""Authenticated Received Chain (RFC 8617): what mail hosts before us found, verified; what we found, sealed."""
