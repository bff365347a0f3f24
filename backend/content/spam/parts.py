"""The parts of a message that are read for its score.

Spam says what it wants early and where people see it. So the work is bounded, however large the message is, and what
is in archives is left to the engines.
"""

from __future__ import annotations

import dataclasses

from backend.content.spam.rules import GTUBE
from backend.content.unpack.message import unpack as unpack_all
from backend.content.unpacked import Piece, Unpacked
from backend.limits import Limits

TEXT = 32 * 1024  # characters of one part; of its bytes twice as many
TEXTS = 8  # parts whose text is read
PARTS = 200  # parts that count
_TEST = GTUBE.encode()


def unpack(data: bytes, size: int) -> Unpacked:
    """What is read of a message of `size` bytes: as in the service, but for what is read of archives."""
    return excerpt(unpack_all(data, Limits(), deep=False), size)


def excerpt(message: Unpacked, size: int | None = None) -> Unpacked:
    """The header, and the parts that the sender wrote as such; GTUBE wherever it stands in one of them. `size`: of the
    whole message, where only its beginning was unpacked.
    """
    pieces, texts = list[Piece](), 0
    for piece in message.pieces:
        if piece.depth or not piece.declared:
            continue
        if len(pieces) == PARTS:
            break
        read = piece.declared in ("text/plain", "text/html") and texts < TEXTS
        text, data = (piece.text[:TEXT], piece.data[: 2 * TEXT]) if read else ("", b"")
        texts += bool(text)
        pieces.append(dataclasses.replace(piece, kind=piece.kind if read else piece.declared, data=data, text=text))
    if any(not piece.depth and (_TEST in piece.data or GTUBE in piece.text) for piece in message.pieces):
        pieces.append(Piece((), "text/plain", "text/plain", "", _TEST, 0, GTUBE))
    return dataclasses.replace(message, pieces=tuple(pieces), size=message.size if size is None else size)
