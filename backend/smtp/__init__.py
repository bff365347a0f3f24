"""SMTP: the wire, the server and the client (RFC 5321 and its extensions)."""
