"""Reports about TLS, in both directions."""
