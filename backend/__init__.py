"""The mail service. Knows no terminal and no SSH."""

__version__ = "0.1.0"
