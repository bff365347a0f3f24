"""What one message may cost, and what was found in it so far."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from backend.content.unpacked import Piece, Trouble
from backend.limits import MIB, Limits

_FREE = 16 * MIB  # bytes of an archive's content before its ratio counts
_TROUBLES = 100  # more of them say nothing new


class Full(Exception):
    """No more of this message is looked at; the trouble is noted already."""


@dataclass(slots=True)
class Budget:
    """Pieces and troubles of one message. `add`, `take` and `on_time` raise Full when there is no more to spend."""

    limits: Limits
    pieces: list[Piece] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    _bytes: int = 0
    _end: float = 0.0

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.limits.unpack_seconds * 0.8  # the rest is for the engines

    def add(self, piece: Piece) -> Piece:
        """One piece more."""
        if len(self.pieces) >= self.limits.unpack_pieces:
            self.full("too many", piece.way, f"more than {self.limits.unpack_pieces:,} pieces")
        self.on_time(piece.way)
        self._bytes += len(piece.data)
        if self._bytes > self.limits.unpack_bytes:
            self.full("too large", piece.way, f"more than {self.limits.unpack_bytes:,} bytes in all")
        self.pieces.append(piece)
        return piece

    def take(self, way: tuple[str, ...], packed: int, chunks: Iterator[bytes]) -> bytes:
        """All of a compressed stream of `packed` bytes, as far as it is no bomb."""
        found, size = list[bytes](), 0
        for chunk in chunks:
            found.append(chunk)
            size += len(chunk)
            if size > _FREE and size > packed * self.limits.unpack_ratio:
                self.full("bomb", way, f"{packed:,} bytes become more than {size:,}")
            if self._bytes + size > self.limits.unpack_bytes:
                self.full("too large", way, f"more than {self.limits.unpack_bytes:,} bytes in all")
            self.on_time(way)
        return b"".join(found)

    def on_time(self, way: tuple[str, ...]) -> None:
        """Go on only while there is time."""
        if time.monotonic() > self._end:
            self.full("time", way, "it takes too long to look at all of it")

    def note(self, kind: str, way: tuple[str, ...], words: str) -> None:
        """A trouble, after which the rest is still looked at."""
        if len(self.troubles) < _TROUBLES:
            self.troubles.append(Trouble(kind, way, words))

    def full(self, kind: str, way: tuple[str, ...], words: str) -> None:
        """A trouble that ends it."""
        self.troubles.append(Trouble(kind, way, words))
        raise Full(kind)
