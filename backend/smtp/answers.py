"""Replies of another mail host, cut from the stream: strict about their shape, indifferent to their words."""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE = 2_048  # bytes; RFC 5321 §4.5.3.1.5 allows 512
_LINES = 200  # of one reply
_SHOWN = 1_000  # characters kept of a reply
_SHAPE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class BadAnswer(Exception):
    """What came is no SMTP reply."""


class Answer(NamedTuple):
    """A reply: its code, the enhanced status code if it has one, and its lines without both."""

    code: int
    status: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole as one line, for the log and for the sender: nothing in it but printable characters."""
        words = " ".join(self.lines)[:_SHOWN]
        words = "".join(letter if letter.isprintable() else "?" for letter in words).strip()
        return " ".join(filter(None, (str(self.code), self.status, words)))

    @property
    def good(self) -> bool:
        """2xx."""
        return self.code // 100 == 2


class Answers:
    """Feed it bytes, take replies."""

    __slots__ = ("_buffer", "_code", "_lines")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code = 0

    def feed(self, data: bytes) -> None:
        """Bytes from the host."""
        self._buffer += data

    @property
    def waiting(self) -> int:
        """How many bytes no `next` has taken, the lines of an unfinished reply counted as one each."""
        return len(self._buffer) + len(self._lines)

    def next(self) -> Answer | None:
        """The next reply; None when it is not here whole. BadAnswer."""
        while True:
            end = self._buffer.find(b"\n", 0, _LINE)
            if end < 0:
                if len(self._buffer) >= _LINE:
                    raise BadAnswer("a reply line without end")
                return None
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            last = self._line(line)
            if last:
                return self._answer()

    def _line(self, line: bytes) -> bool:
        found = _SHAPE.fullmatch(line)
        if found is None:
            shown = line[:60].decode("ascii", "replace")
            raise BadAnswer(f"no SMTP reply: {shown!r}")
        code = int(found[1])
        if self._lines and code != self._code:
            raise BadAnswer(f"a reply that begins with {self._code} and goes on with {code}")
        if len(self._lines) >= _LINES:
            raise BadAnswer("a reply without end")
        self._code = code
        self._lines.append((found[3] or b"").decode("utf-8", "replace"))
        return found[2] != b"-"

    def _answer(self) -> Answer:
        lines, self._lines = self._lines, []
        status, words = "", []
        for line in lines:
            found = _STATUS.match(line)
            if found is not None and found[1][0] == str(self._code)[0]:
                status = status or found[1]
                line = line[found.end() :]
            words.append(line)
        return Answer(self._code, status, tuple(words))
