"""What a child may do at most, as far as this kernel can hold it to that: read the program's own files, and nothing of
the site; open no socket, start no program, touch no other process.
"""

from __future__ import annotations


def enter() -> None:
    """From here on."""
