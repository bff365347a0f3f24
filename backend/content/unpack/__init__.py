"""Unpacking: from the bytes of a message to all that is in it. Blocking work, for a child of the workshop."""
