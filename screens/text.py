"""The one gate for outside text: what a terminal would obey, and what a reader could not see, is shown escaped."""

from __future__ import annotations

import unicodedata

_MARKS = 4  # combining marks on one letter: more than any script needs, and they paint over the lines around
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters, as Unicode has it, that show nothing


def safe(text: object, width: int | None = None) -> str:
    """`text` on one line with all that is not printable escaped; cut to `width` characters with an ellipsis."""
    line = str(text)
    if width is not None:
        line = line[: max(0, width) + 1]  # a megabyte is not looked at for the sake of its first words
    if not line.isascii() or not line.isprintable():
        line = _escaped(line)
    if width is not None and len(line) > width:
        line = line[: max(0, width - 1)] + "…" if width > 0 else ""
    return line


def _escaped(line: str) -> str:
    letters, marks = [], 0
    for letter in line:
        marks = marks + 1 if unicodedata.category(letter).startswith("M") else 0
        good = letter.isprintable() and marks <= _MARKS and letter not in _BLANK
        letters.append(letter if good else _escape(letter))
    return "".join(letters)


def _escape(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
