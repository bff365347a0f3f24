"""The hosts that a message links to: names as A-labels and addresses, from its text, its HTML and its header.

What a browser would make of a link counts, not how it is written: entities, percent signs, backslashes, a name before
`@`, a port, an address in one number. Nothing is followed. The work is bounded, whatever the message is.
"""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from backend import address
from backend.content.unpacked import Unpacked
from backend.errors import BadInput

MOST = 200  # hosts of one message that are answered
_READ = 512 * 1024  # characters of one piece that are looked at, half from its beginning and half from its end
_PIECES = 50  # texts that are read
_FOUND = 5_000  # links of one message that are looked at
_AUTHORITY = r"[^\s/?#\"'<>\\\x00-\x1f\x7f]{1,300}"
_LINK = re.compile(rf"(?i)\b(?:https?|ftp)\s{{0,2}}:\s{{0,2}}[/\\]{{1,4}}({_AUTHORITY})")
_BARE = re.compile(r"(?i)(?<![\w@./-])(www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,5})")
_ATTRIBUTE = re.compile(
    r"(?i)\b(?:href|src|action|background|formaction|poster|data)\s{0,5}=\s{0,5}"
    r"(?:\"([^\"]{1,2000})\"|'([^']{1,2000})'|([^\s>\"']{1,2000}))"
)
_TARGET = re.compile(rf"(?i)\s*(?:(?:https?|ftp):)?[/\\]{{2,4}}({_AUTHORITY})")
_INSIDE = str.maketrans("", "", "\t\r\n")  # what a browser leaves out of a link
_PART = re.compile(r"0x[0-9a-f]*|[0-9]+")
_ENDS = ".,;:!?)]}>*_'\""
_FIELDS = {"subject", "list-unsubscribe", "list-help", "list-archive"}


def hosts(message: Unpacked) -> list[str]:
    """Each host once. Of a message with more links than are read, those at its beginning and at its end."""
    found: dict[str, None] = {}
    for seen, authority in enumerate(_authorities(message)):
        if seen >= _FOUND or len(found) >= MOST:
            break
        name = host(authority)
        if name:
            found[name] = None
    return list(found)


def host(authority: str) -> str:
    """The host of `name:password@host:port` as it is looked up; empty when it can be none."""
    written = unquote(html.unescape(authority), errors="replace").rpartition("@")[2].strip()
    if written.startswith("["):
        return _ip(written[1:].partition("]")[0])
    name = written.partition(":")[0].rstrip(_ENDS).replace("\u3002", ".").lower()
    if number := _number(name):
        return number
    try:
        name = address.domain(name)
    except BadInput:
        return ""
    return name if "." in name and not name.rpartition(".")[2].isdecimal() else ""


def some(found: Iterable[str], most: int) -> list[str]:
    """So many of them: the first and the last, for one pads the beginning with honest ones, and another the end."""
    every = list(found)
    if len(every) <= most:
        return every
    front = (most + 1) // 2
    return every[:front] + every[len(every) - (most - front) :]


def _authorities(message: Unpacked) -> Iterator[str]:
    read = 0
    for piece in message.pieces:
        if piece.kind not in ("text/html", "text/plain") or not (piece.data or piece.text):
            continue
        read += 1
        if read > _PIECES:
            return
        if piece.kind == "text/html":
            yield from _in_html(_ends(_characters(piece.data)))
        yield from _in_text(_ends(piece.text))
    for name, value in message.header:
        if name.lower() in _FIELDS:
            yield from _in_text(value)


def _in_html(markup: str) -> Iterator[str]:
    for match in _ATTRIBUTE.finditer(markup):
        target = html.unescape(match[1] or match[2] or match[3]).translate(_INSIDE)
        if found := _TARGET.match(target):
            yield found[1]


def _in_text(text: str) -> Iterator[str]:
    for match in _LINK.finditer(text):
        yield match[1]
    for match in _BARE.finditer(text):
        yield match[1]


def _ends(text: str) -> str:
    return text if len(text) <= _READ else f"{text[: _READ // 2]}\n{text[-_READ // 2 :]}"


def _characters(data: bytes) -> str:
    """Enough to read links: they are ASCII, or UTF-8 in names."""
    half = _READ // 2
    return (data if len(data) <= _READ else data[:half] + b"\n" + data[-half:]).decode("utf-8", "replace")


def _ip(written: str) -> str:
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        return ""


def _number(name: str) -> str:
    """An IPv4 address as browsers read it: one to four numbers, decimal, octal or hexadecimal; empty for a name."""
    parts = name.split(".")
    if not 1 <= len(parts) <= 4 or not all(_PART.fullmatch(part) and len(part) < 16 for part in parts):
        return ""
    try:
        numbers = [_value(part) for part in parts]
    except ValueError:
        return ""
    *front, last = numbers
    if any(one > 255 for one in front) or last >= 256 ** (5 - len(parts)):
        return ""
    whole = last + sum(one << (8 * (3 - at)) for at, one in enumerate(front))
    return str(ipaddress.IPv4Address(whole))


def _value(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if len(part) > 1 and part.startswith("0") else int(part)
