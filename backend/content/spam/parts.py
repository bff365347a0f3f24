"""The parts of a message that are read for its score: header fields and text, from the first bytes of it.

Spam says what it wants early. So the work is bounded by `LONGEST` and by the limits of `reading`, however large or
broken the message is.
"""

from __future__ import annotations

import email
from email.message import Message
from typing import Any, cast

from backend.content import reading
from backend.content.unpacked import Piece, Trouble, Unpacked

LONGEST = 128 * 1024  # bytes of a message that are looked at
TEXT = 32 * 1024  # characters of one part; of its bytes twice as many
TEXTS = 8  # parts whose text is read


def unpack(start: bytes, size: int) -> Unpacked:
    """The parts of a message of `size` bytes that begins with `start`."""
    start = start[:LONGEST]
    fields, cut = reading.fields(start)
    troubles = [Trouble("too many", (), "There are more header fields than are read.")] if cut else []
    try:
        parts = reading.walk(email.message_from_bytes(start))
    except RecursionError:
        return Unpacked(fields, (), (*troubles, Trouble("too deep", (), "Parts are nested too deep.")), size)
    pieces, texts = list[Piece](), 0
    for part, depth in parts:
        if part.is_multipart():
            continue
        piece = _piece(part, depth, read=texts < TEXTS)
        texts += bool(piece.text)
        pieces.append(piece)
    return Unpacked(fields, tuple(pieces), tuple(troubles), size)


def _piece(part: Message, depth: int, *, read: bool) -> Piece:
    kind = reading.tried(part.get_content_type, "text/plain")
    name = reading.file_name(part)
    data, text = b"", ""
    if read and kind in {"text/plain", "text/html"}:
        content = reading.tried(lambda: cast(Any, part.get_payload(decode=True)), b"")
        data = content[: 2 * TEXT] if isinstance(content, bytes) else b""
        text = reading.characters(reading.tried(part.get_content_charset, None), data)[:TEXT]
        text = reading.plain(text) if kind == "text/html" else text
    return Piece((name,), kind, kind, name, data, depth, text)
