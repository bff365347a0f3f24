"""What a message says, for a person who has to decide on it: its header fields, its text, a list of its parts.

Pure functions from bytes, however broken, to values. Nothing is followed, loaded or run, and only codecs that are
character sets are used. Who calls this bounds the bytes: the work grows with them and with how deep parts are nested.
"""

from __future__ import annotations

import binascii
import codecs
import email
import email.errors
import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.header import decode_header
from email.message import Message
from typing import Any, TypeVar, cast

T = TypeVar("T")
_FIELDS = 500  # header fields shown
_VALUE = 4_000  # characters of one
_PARTS = 200
_TEXT = 64 * 1024  # characters of text
_NO_CHARSETS = {"unicode-escape", "raw-unicode-escape", "idna", "punycode", "utf-7", "undefined"}
_TROUBLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, email.errors.MessageError)
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_MARKUP = re.compile(r"<[^<>]*>|[^<]+|<")
_TAG = re.compile(r"</?([A-Za-z0-9]{1,20})")
_UNSEEN = {"script", "style", "head", "title"}
_BREAKS = {"br", "p", "div", "tr", "li", "h1", "h2", "h3", "table"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message; `depth` is 0 for the message itself."""

    kind: str
    name: str  # of the file, as the sender says
    size: int  # bytes as they came
    depth: int


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a message. `source` is the type of the part they are from, empty when there are none."""

    words: str
    source: str
    parts: tuple[Part, ...]
    cut: bool  # there is more than this


def fields(data: bytes) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Name and decoded value of each header field in its order (RFC 5322 §2.2, RFC 2047); whether some are missing."""
    found: list[tuple[str, str]] = []
    for block in re.split(rb"\r?\n(?![ \t])", data[: _end(data)]):
        if not block.strip():
            continue
        if len(found) == _FIELDS:
            return tuple(found), True
        field = _FIELD.fullmatch(block)
        name, value = (field[1].decode("ascii"), field[2]) if field else ("", block)
        found.append((name, decoded(re.sub(rb"\r?\n[ \t]+", b" ", value).strip()[:_VALUE])))
    return tuple(found), False


def text(data: bytes) -> Text:
    """The words of the first part that has some, plain text before HTML."""
    try:
        parts = walk(email.message_from_bytes(data))
    except RecursionError:
        return Text("", "", (), cut=True)
    shown = tuple(Part(part.get_content_type(), file_name(part), _size(part), depth) for part, depth in parts[:_PARTS])
    for wanted in ("text/plain", "text/html"):
        for part, _ in parts[:_PARTS]:
            if part.get_content_type() == wanted and not part.is_multipart():
                words = _words(part)
                words = plain(words) if wanted == "text/html" else words
                if words.strip():
                    cut = len(words) > _TEXT or len(parts) > _PARTS
                    return Text(words[:_TEXT].replace("\r\n", "\n"), wanted, shown, cut)
    return Text("", "", shown, cut=len(parts) > _PARTS)


def _end(data: bytes) -> int:
    empty = re.search(rb"\r?\n\r?\n", data)
    return empty.start() if empty else len(data)


def walk(message: Message) -> list[tuple[Message, int]]:
    found, waiting = list[tuple[Message, int]](), [(message, 0)]
    while waiting and len(found) <= _PARTS:
        part, depth = waiting.pop()
        found.append((part, depth))
        inside = part.get_payload() if part.is_multipart() else []
        if isinstance(inside, list):
            waiting += [(one, depth + 1) for one in reversed(inside) if isinstance(one, Message)]
    return found


def file_name(part: Message) -> str:
    name = tried(part.get_filename, None)
    return "" if name is None else decoded(str(name)[:_VALUE].encode("utf-8", "replace"))


def _size(part: Message) -> int:
    content = part.get_payload()
    return len(content) if isinstance(content, str) else 0


def _words(part: Message) -> str:
    content = tried(lambda: cast(Any, part.get_payload(decode=True)), b"")
    charset = tried(part.get_content_charset, None)
    return characters(charset, content) if isinstance(content, bytes) else ""


def decoded(value: bytes) -> str:
    """Encoded words read, what is no character replaced."""
    words = characters(None, value)
    if "=?" not in words:
        return words
    pieces: Any = tried(lambda: decode_header(words), [(words, None)])
    return "".join(piece if isinstance(piece, str) else characters(charset, piece) for piece, charset in pieces)[
        :_VALUE
    ]


def characters(charset: str | None, data: bytes) -> str:
    """Text in a character set that the sender names; in UTF-8 or Latin-1 when there is no such set."""
    if charset:
        try:
            codec = codecs.lookup(charset)
            if codec._is_text_encoding and codec.name.replace("_", "-") not in _NO_CHARSETS:
                return codec.decode(data, "replace")[0]
        except (*_TROUBLE, binascii.Error):
            pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def plain(markup: str) -> str:
    """HTML without its tags; what scripts and styles hold is left out."""
    words, unseen = list[str](), ""
    for piece in _MARKUP.findall(markup):
        tag = _TAG.match(piece) if piece.startswith("<") else None
        name = tag[1].lower() if tag else ""
        if unseen:
            unseen = "" if piece.startswith("</") and name == unseen else unseen
        elif name in _UNSEEN and not piece.startswith("</"):
            unseen = name
        elif name in _BREAKS:
            words.append("\n")
        elif not piece.startswith("<") or len(piece) == 1:
            words.append(html.unescape(re.sub(r"\s+", " ", piece)))
    return re.sub(r"\n\s+", "\n", "".join(words)).strip()


def tried(read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except (*_TROUBLE, binascii.Error):
        return otherwise
