"""The front door: command line, console and set-up of the mail service."""

__version__ = "0.1.0"
