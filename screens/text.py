"""The one gate for outside text: what a terminal would obey, and what a reader could not see, is shown escaped."""

from __future__ import annotations


def safe(text: object, width: int | None = None) -> str:
    """`text` on one line with all that is not printable escaped; cut to `width` characters with an ellipsis."""
    line = str(text)
    if not line.isprintable():
        line = "".join(letter if letter.isprintable() else _escape(letter) for letter in line)
    if width is not None and len(line) > width:
        line = line[: max(0, width - 1)] + "…" if width > 0 else ""
    return line


def _escape(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
