"""How TLS with other mail hosts went, and reports of it in both directions (TLS-RPT, RFC 8460)."""
