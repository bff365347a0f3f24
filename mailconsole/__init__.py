"""The front door: command line, console, SSH."""
