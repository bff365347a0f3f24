"""A whole message unpacked: its parts, and what is in them, and in that, as deep as the limits say."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

from backend.content import reading
from backend.content.unpack import archives, mime, office, rar
from backend.content.unpack.budget import Budget, Full
from backend.content.unpack.kinds import kind
from backend.content.unpacked import Piece, Unpacked
from backend.limits import Limits

_PACKED_TEXT = 1_000_000  # characters of a text in an archive


def unpack(data: bytes, limits: Limits, *, deep: bool = True) -> Unpacked:
    """Everything; without what is in archives when it is not to be `deep`. Never raises for what a message holds: what
    cannot be opened is a trouble.
    """
    budget = Budget(limits)
    with contextlib.suppress(Full):
        for piece in mime.parts(data, budget):
            if deep:
                _deeper(piece, budget)
    header, _ = reading.fields(data)
    return Unpacked(header, tuple(budget.pieces), tuple(budget.troubles), len(data))


def _deeper(outer: Piece, budget: Budget) -> None:
    waiting = [outer]
    while waiting:
        piece = waiting.pop()
        for inner in _members(piece, budget):
            if inner.depth > budget.limits.unpack_depth:
                budget.note("too deep", inner.way, f"more than {budget.limits.unpack_depth} archives deep")
                continue
            waiting.append(inner)


def _members(piece: Piece, budget: Budget) -> Iterator[Piece]:
    depth = piece.depth + 1
    if piece.depth and piece.data.startswith((b"Received:", b"From:", b"Return-Path:", b"MIME-Version:", b"Subject:")):
        yield from mime.parts(piece.data, budget, piece.way, depth)  # a message in an archive
    if piece.kind == "application/x-ole-storage":
        for name, source in office.macros(piece, budget):
            way = (*piece.way, name)
            text = reading.characters(None, source)
            yield budget.add(Piece(way, "text/x-vba", "", name, source, depth, text))
        return
    if piece.kind == "application/vnd.rar":
        _listed(piece, budget)
        return
    for name, content in archives.members(piece, budget):
        what = kind(content)
        text = reading.characters(None, content[:_PACKED_TEXT]) if what in ("text/plain", "text/html") else ""
        text = reading.plain(text) if what == "text/html" else text
        yield budget.add(Piece((*piece.way, name), what, "", name, content, depth, text))


def _listed(piece: Piece, budget: Budget) -> None:
    """The names in an archive that is not opened, as empty pieces: enough for the rules about file types."""
    try:
        for entry in rar.entries(piece.data):
            way = (*piece.way, entry.name)
            if entry.encrypted:
                budget.note("encrypted", way, "encrypted in a rar archive")
            if entry.name:
                budget.add(Piece(way, "application/octet-stream", "", entry.name, b"", piece.depth + 1))
    except (ValueError, struct.error) as error:
        budget.note("broken", piece.way, f"a rar archive: {error}")
