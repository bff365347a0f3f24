"""The running service seen from outside: sockets, the command line, and nothing else."""
