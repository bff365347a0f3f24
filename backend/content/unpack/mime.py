"""The parts of a message (RFC 2045, RFC 2046, RFC 5322), found in bytes however broken.

Nothing is lost: what stands before, between and behind the parts is a part too, and a body that may be read in two
ways is read in both, for some mail program will.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from backend.content.reading import characters, plain
from backend.content.unpack import decoding
from backend.content.unpack.budget import Budget
from backend.content.unpack.kinds import kind
from backend.content.unpacked import Piece

_HEADER_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_FIELD = re.compile(rb"(?im)^(content-(?:type|transfer-encoding|disposition))[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)")
_DELIMITER = re.compile(rb"(?m)^--([^\r\n]{1,200}?)[ \t]*\r?$")
_HEADER = 256 * 1024  # bytes of one part's header section that are read
_TEXT = 1_000_000  # characters of one part that are made into text
_STRAY = 40  # bytes of a preamble that are no greeting of a mail program


@dataclass(frozen=True, slots=True)
class _Head:
    kind: str
    parameters: dict[str, str]
    encoding: str
    name: str


def parts(data: bytes, budget: Budget, way: tuple[str, ...] = (), depth: int = 0) -> Iterator[Piece]:
    """Each part that is a leaf, transfer encoding undone; what stands between parts is declared nothing. Takes what it
    costs from `budget`.
    """
    waiting = [(data, 0, "text/plain", way)]
    while waiting:
        block, level, usual, where = waiting.pop()
        if level > budget.limits.unpack_depth * 3:
            budget.note("too deep", where, "parts are nested too deeply")
            continue
        budget.on_time(where)
        head, content = _split(block, usual)
        if head.kind.startswith("multipart/"):
            inside = list(islice(_inside(content, head, where), budget.limits.unpack_pieces + 1))
            inner = "message/rfc822" if head.kind == "multipart/digest" else "text/plain"
            waiting += [(one, level + 1, inner if meant else "", where) for one, meant in reversed(inside)]
        elif head.kind in ("message/rfc822", "message/global"):
            waiting.append((decoding.body(head.encoding, content), level + 1, "text/plain", (*where, "message")))
        else:
            yield from _leaf(head, content, where, depth, budget)


def _split(block: bytes, usual: str) -> tuple[_Head, bytes]:
    if block.startswith((b"\r\n", b"\n")):
        return _Head(usual, {}, "", ""), block
    end = _HEADER_END.search(block)
    stop, begin = (end.start(), end.end()) if end else (len(block), len(block))
    section = block[: min(stop, _HEADER)]
    if end is None and b":" not in section[:200]:
        return _Head(usual, {}, "", ""), block
    fields: dict[bytes, bytes] = {}
    for name, value in _FIELD.findall(section):
        fields.setdefault(name.lower(), value)
    content_type = fields.get(b"content-type", b"")
    media = re.match(rb"\s*([\w.+-]{1,60}/[\w.+-]{1,100})", content_type)
    parameters = decoding.parameters(content_type[content_type.find(b";") :] if b";" in content_type else b"")
    disposition = fields.get(b"content-disposition", b"")
    named = decoding.parameters(disposition[disposition.find(b";") :] if b";" in disposition else b"")
    encoding = re.sub(r"[^a-z0-9-]", "", fields.get(b"content-transfer-encoding", b"").decode("latin-1").lower())
    name = named.get("filename") or parameters.get("name", "")
    return _Head(media[1].decode().lower() if media else usual, parameters, encoding, name), block[begin:]


def _inside(content: bytes, head: _Head, where: tuple[str, ...]) -> Iterator[tuple[bytes, bool]]:
    """The blocks between the delimiters, and whether each is meant to be a part; what is before the first as a block
    without a header.
    """
    boundary = head.parameters.get("boundary", "").encode("utf-8", "surrogateescape")
    if not boundary or b"--" + boundary not in content:
        guess = _DELIMITER.search(content)
        if guess is None:
            yield b"\r\n" + content, True
            return
        boundary = guess[1]
    pattern = re.compile(rb"(?m)^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$\n?")
    last, first, over = 0, True, False
    for found in pattern.finditer(content):
        block = content[last : found.start()]
        if first or len(block.strip()) > 0:
            yield from ((one, False) for one in _stray(block)) if first else ((block, not over),)
        last, first, over = found.end(), False, found[1] is not None
    rest = content[last:]
    if rest.strip():
        yield rest if _HEADER_END.search(rest) else b"\r\n" + rest, not over


def _stray(block: bytes) -> tuple[bytes, ...]:
    return (b"\r\n" + block,) if len(block.strip()) > _STRAY else ()


def _leaf(head: _Head, content: bytes, where: tuple[str, ...], depth: int, budget: Budget) -> Iterator[Piece]:
    data = decoding.body(head.encoding, content)
    yield _piece(head, data, where, depth, budget)
    raw = data is content
    if raw and decoding.looks_base64(content):
        yield _piece(head, decoding.base64(content), (*where, "as base64"), depth, budget, hidden=True)
    if raw and b"begin" in content:
        for name, inside in decoding.uuencoded(content):
            yield budget.add(Piece((*where, name), kind(inside), "", name, inside, depth, hidden=True))


def _piece(
    head: _Head, data: bytes, where: tuple[str, ...], depth: int, budget: Budget, *, hidden: bool = False
) -> Piece:
    what = kind(data, head.kind)
    text = ""
    if what in ("text/plain", "text/html"):
        text = characters(head.parameters.get("charset"), data[:_TEXT])
        text = plain(text) if what == "text/html" else text
    way = (*where, head.name) if head.name else where
    return budget.add(Piece(way, what, head.kind, head.name, data, depth, text, hidden))
