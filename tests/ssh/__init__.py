"""The SSH server under OpenSSH's own client."""
