"""Who the author claims to be: the domains in the From field (RFC 7489 §6.6.1, RFC 5322 §3.6.2).

A pure function from a header section, however broken, to a value or a ParseError.
"""

from __future__ import annotations

import re

from backend import address
from backend.errors import BadInput

_FROM = re.compile(rb"(?im)^from[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_COMMENT = re.compile(r"[^()\\]*(?:\\.[^()\\]*)*", re.DOTALL)  # up to the next bracket
_REST = re.compile(r'[^"(]+')
_MOST = 5  # domains in one field: more is made to hide one
_LONGEST = 64 * 1024  # bytes of a field that is read


class ParseError(Exception):
    """From cannot be used; the words say why."""


def domains(section: bytes) -> tuple[str, ...]:
    """The domains of the authors, each once, in lower-case A-labels; none when they claim no domain at all, as a group
    without members does. ParseError: no From, several, or one that says nothing certain.
    """
    fields = _FROM.findall(section)
    if not fields:
        raise ParseError("it has no From")
    if len(fields) > 1:
        raise ParseError("it has several From fields")
    if len(fields[0]) > _LONGEST:
        raise ParseError("its From is too long")
    try:
        text = fields[0].decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("its From is neither ASCII nor UTF-8") from None
    found: dict[str, None] = {}
    for mailbox in _mailboxes(_plain(text)):
        name = _domain(mailbox)
        if name:
            found[name] = None
    if len(found) > _MOST:
        raise ParseError("its From names too many domains")
    return tuple(found)


def domain(section: bytes) -> str | None:
    """The one domain of all authors; None where there is not one, or where From says nothing certain."""
    try:
        found = domains(section)
    except ParseError:
        return None
    return found[0] if len(found) == 1 else None


def _plain(text: str) -> str:
    """Without comments, and with what is quoted replaced by a letter: nothing in either is a sign of the syntax."""
    parts: list[str] = []
    place = 0
    while place < len(text):
        if text[place] == "(":
            place = _behind_comment(text, place)
            continue
        found = (_QUOTED if text[place] == '"' else _REST).match(text, place)
        if found is None:
            raise ParseError("its From has a quotation that does not end")
        parts.append("q" if text[place] == '"' else found[0])
        place = found.end()
    return re.sub(r"[\r\n\t ]+", " ", "".join(parts))


def _behind_comment(text: str, place: int) -> int:
    """The place behind a comment, which may hold others."""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(text[place : place + 1], 0)
        if depth == 0:
            return place + 1
        found = _COMMENT.match(text, place + 1)
        assert found is not None, "the pattern matches any text"
        place = found.end()
        if place >= len(text) or text[place] == "\\":
            raise ParseError("its From has a comment that does not end")


def _mailboxes(text: str) -> list[str]:
    """The mailboxes of a list, those of groups too: `a@b, friends: c@d, e@f;`. Commas inside <> belong to a route."""
    found: list[str] = []
    for part in re.findall(r"(?:<[^<>]*>|[^,;])+", text):
        outside = re.sub(r"<[^<>]*>", "", part)
        if ":" in outside:
            part = part.partition(":")[2]
        found.append(part)
    return found


def _domain(mailbox: str) -> str:
    """The domain of one mailbox; empty when it claims none, as an address literal does. ParseError."""
    inside = re.findall(r"<([^<>]*)>", mailbox)
    if len(inside) > 1 or (not inside and re.search(r"[<>]", mailbox)):
        raise ParseError("its From has brackets that do not close one address")
    spec = inside[0] if inside else mailbox
    if "@" not in spec:
        if "@" in mailbox:
            raise ParseError("its From has an address outside of the brackets only")
        return ""
    name = spec.rpartition("@")[2].replace(" ", "")
    if name.startswith("["):
        return ""
    try:
        return address.domain(name)
    except BadInput:
        raise ParseError("its From has a domain that cannot be one") from None
