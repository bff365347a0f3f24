"""Framing: from bytes off the socket to command lines, message data and chunks. Knows no socket and no clock.

Only CR LF ends a line (RFC 5321 §2.3.8), and only CR LF dot CR LF ends a message. What some other server may have
taken for an end (a bare LF or CR around the dot) stays inside the message, where `Fault` finds it and the message
is refused as a whole: so nobody smuggles a second message in behind the first.
"""

from __future__ import annotations

from typing import NamedTuple

_END = b"\r\n.\r\n"


class Line(NamedTuple):
    """A command line without its end. `fault`: None, "long" (cut off) or "bare" (a CR or LF by itself)."""

    text: bytes
    fault: str | None = None


class Wire:
    """A buffer that is read as lines, as message data, or as chunks."""

    __slots__ = ("_message_begins", "_skipping", "buffer")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._message_begins = True
        self._skipping = False  # the rest of a line that was too long

    def feed(self, data: bytes) -> None:
        """Bytes from the socket."""
        self.buffer += data

    def clear(self) -> None:
        """Throw away what has not been read: plain text that came before TLS (RFC 3207 §4.2)."""
        self.buffer.clear()

    def line(self, limit: int) -> Line | None:
        """The next line, of at most `limit` bytes with its end; None when it is not here yet."""
        buffer = self.buffer
        end = buffer.find(b"\n")
        if end < 0:
            if len(buffer) < limit:
                return None
            buffer.clear()
            if self._skipping:
                return None
            self._skipping = True
            return Line(b"", "long")
        if self._skipping:
            self._skipping = False
            del buffer[: end + 1]
            return self.line(limit)
        bare = end == 0 or buffer[end - 1] != 13
        text = bytes(buffer[: end if bare else end - 1])
        del buffer[: end + 1]
        if end >= limit:
            return Line(b"", "long")
        return Line(text, "bare" if bare or b"\r" in text else None)

    def chunk(self, most: int) -> bytes:
        """Up to `most` bytes as they are (BDAT, RFC 3030)."""
        piece = bytes(self.buffer[:most])
        del self.buffer[: len(piece)]
        return piece

    def data(self) -> tuple[bytes, bool]:
        """The next piece of a message, its dots unstuffed (RFC 5321 §4.5.2), and whether the message ends with it.

        A piece never ends inside a CR LF or inside what may become the end.
        """
        buffer = self.buffer
        if self._message_begins:
            if buffer.startswith(b".\r\n"):
                del buffer[:3]
                return b"", True
            if b".\r\n".startswith(buffer):
                return b"", False
            self._message_begins = False
            if buffer.startswith(b"."):
                del buffer[:1]
        end = buffer.find(_END)
        if end >= 0:
            piece = bytes(buffer[: end + 2])
            del buffer[: end + 5]
            self._message_begins = True
            return _unstuff(piece), True
        size = len(buffer) - _held_back(buffer)
        piece = bytes(buffer[:size])
        del buffer[:size]
        return _unstuff(piece), False


def _unstuff(piece: bytes) -> bytes:
    return piece.replace(b"\r\n.", b"\r\n") if b"\r\n." in piece else piece


def _held_back(buffer: bytearray) -> int:
    """How many bytes at the end may belong to an end of data that is still on its way."""
    for size in range(len(_END) - 1, 0, -1):
        if buffer.endswith(_END[:size]):
            return size
    return 0


class Fault:
    """Watches a message, piece by piece, for what must not be in it: a CR or LF by itself, and NUL."""

    __slots__ = ("_pending", "bare", "nul")

    def __init__(self) -> None:
        self.bare = False
        self.nul = False
        self._pending = False  # the last piece ended with a CR

    def watch(self, piece: bytes) -> None:
        """Look at the next piece."""
        if not piece:
            return
        if self._pending:
            piece = b"\r" + piece
        self._pending = piece[-1] == 13
        pairs = piece.count(b"\r\n")
        if piece.count(b"\n") != pairs or piece.count(b"\r") - self._pending != pairs:
            self.bare = True
        if b"\0" in piece:
            self.nul = True

    def end(self) -> None:
        """The message is over: a CR that still waits for its LF is bare."""
        if self._pending:
            self.bare = True
