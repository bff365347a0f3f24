"""The mail service. Knows no terminal and no SSH; every room is a folder."""
