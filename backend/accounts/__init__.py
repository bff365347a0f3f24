"""Passwords, log-ins and the directory that a worker looks addresses up in."""
