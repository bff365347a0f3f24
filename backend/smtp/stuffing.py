"""Dots doubled for the way out (RFC 5321 §4.5.2), piece by piece."""

from __future__ import annotations

START = b"\r\n"  # what stands before the first piece, as far as dots are concerned


def stuff(piece: bytes, before: bytes) -> tuple[bytes, bytes]:
    """`piece` with the dot at the start of a line doubled, and its end: the `before` of the next piece."""
    joined = before + piece
    return joined.replace(b"\r\n.", b"\r\n..")[len(before) :], joined[-2:]


def end(before: bytes) -> bytes:
    """The end of data behind a message that ends with `before`."""
    return b".\r\n" if before == b"\r\n" else b"\r\n.\r\n"
