"""The forms in which a message is hashed (RFC 6376 §3.4): `simple`, byte for byte, and `relaxed`, where space counts
less. A body goes through in pieces, and what is kept of it between two pieces is a few bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

Form = Literal["simple", "relaxed"]
FORMS: tuple[Form, ...] = ("simple", "relaxed")
_PIECE = 32_768  # empty lines given out at once: a body may have fifty million


def field(raw: bytes, form: Form) -> bytes:
    """A header field with its line end (§3.4.1, §3.4.2)."""
    if form == "simple":
        return raw
    name, colon, value = raw.partition(b":")
    value = _single(value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip(b" \t").lower() + colon + value + b"\r\n"


class Tally:
    """SHA-256 of the first `length` bytes of a canonical body; of all of it when that is None."""

    def __init__(self, length: int | None = None) -> None:
        self._hash = hashlib.sha256()
        self._left = length

    def update(self, data: bytes) -> None:
        """Count these bytes in."""
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        self._hash.update(data)

    def digest(self) -> bytes:
        """The hash."""
        return self._hash.digest()


class Canonical:
    """A body on its way through one form, into any number of tallies. `size`: how long the canonical body is."""

    def __init__(self, form: Form, tallies: Iterable[Tally]) -> None:
        self.size = 0
        self._relaxed = form == "relaxed"
        self._tallies = tuple(tallies)
        self._held = b""  # what may be the beginning of a line end, or the space before one
        self._empty = 0  # line ends that count only when something follows

    def update(self, piece: bytes) -> None:
        """The next piece."""
        data = self._held + piece if self._held else piece
        self._held = b""
        if data.endswith(b"\r"):
            self._held, data = b"\r", data[:-1]
        if self._relaxed:
            kept = data.rstrip(b" \t")
            if len(kept) < len(data):
                self._held, data = b" " + self._held, kept
            data = _single(data).replace(b" \r\n", b"\r\n")
        self._lines(data)

    def finish(self) -> None:
        """The end of the body. What is there ends with a line end; what is empty is one in `simple` and none in
        `relaxed` (§3.4.3, §3.4.4).
        """
        held = self._held
        if self._relaxed and not held.endswith(b"\r"):  # space at the end of a line counts for nothing
            held = b""
        if held:
            self._give_lines(self._empty)
            self._give(held)
            self._empty = 0
        if self.size or not self._relaxed:
            self._give(b"\r\n")

    def _lines(self, data: bytes) -> None:
        """Pass on all but the line ends at the end, which are counted."""
        ends = _line_ends(data)
        kept = data[: len(data) - 2 * ends] if ends else data
        if kept:
            self._give_lines(self._empty)
            self._give(kept)
            self._empty = 0
        self._empty += ends

    def _give_lines(self, number: int) -> None:
        while number > 0:
            self._give(b"\r\n" * min(number, _PIECE))
            number -= _PIECE

    def _give(self, data: bytes) -> None:
        self.size += len(data)
        for tally in self._tallies:
            tally.update(data)


def _single(data: bytes) -> bytes:
    """One space for each run of spaces and tabs. Each round halves the runs, which is faster than to look at each."""
    data = data.replace(b"\t", b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data


def _line_ends(data: bytes) -> int:
    """How many CR LF stand at the end of it, one behind the other."""
    tail = data[len(data.rstrip(b"\r\n")) :]
    parts = tail.split(b"\r\n")
    for number, part in enumerate(reversed(parts)):
        if part:  # a bare CR or LF, which ends no line
            return number
    return len(parts) - 1
