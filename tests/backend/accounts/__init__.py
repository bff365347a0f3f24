"""Directory, passwords, log-ins."""
