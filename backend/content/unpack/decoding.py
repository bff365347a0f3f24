"""Names and transfer encodings of MIME parts, read as forgivingly as the worst mail program does."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote_to_bytes

from backend.content.reading import characters, decoded

_PARAMETER = re.compile(rb""";\s*([!#-'*+.\w^`|~{}%-]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;\s]*)""")
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n"
_UU = re.compile(rb"(?m)^begin[- ][^\r\n]{0,20}?[0-7]{3,4} ([^\r\n]{1,200})\r?\n")
_UU_END = re.compile(rb"(?m)^end\b")
_MOST_PARAMETERS = 100
_MOST_FILES = 100  # in one text
_SHORT = 40  # bytes of a text that may look like anything
_NAME = 1_000  # characters of a file name


def parameters(value: bytes) -> dict[str, str]:
    """The parameters of a field such as Content-Type, put together and decoded (RFC 2045 §5.1, RFC 2231 §3 and §4)."""
    plain: dict[str, str] = {}
    parts: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for index, match in enumerate(_PARAMETER.finditer(value)):
        if index == _MOST_PARAMETERS:
            break
        raw = match[2]
        if raw.startswith(b'"'):
            raw = re.sub(rb"\\(.)", rb"\1", raw[1:].removesuffix(b'"'), flags=re.DOTALL)
        section = _SECTION.fullmatch(match[1].decode("latin-1").lower())
        if section is None:
            continue
        if section[2] is None and section[3] is None:
            plain.setdefault(section[1], decoded(raw[:_NAME]))
        else:
            parts.setdefault(section[1], {}).setdefault(int(section[2] or 0), (section[3] is not None, raw))
    for name, pieces in parts.items():
        plain[name] = _joined(pieces)
    return plain


def _joined(pieces: dict[int, tuple[bool, bytes]]) -> str:
    charset, found = None, b""
    for number in sorted(pieces):
        encoded, raw = pieces[number]
        if encoded and number == min(pieces) and raw.count(b"'") >= 2:
            name, _, raw = raw.split(b"'", 2)
            charset = name.decode("latin-1")[:40]
        found += unquote_to_bytes(raw) if encoded else raw
    return characters(charset, found[:_NAME])


def body(encoding: str, data: bytes) -> bytes:
    """A body without its transfer encoding (RFC 2045 §6); what cannot be decoded stays as it is."""
    match encoding:
        case "base64":
            return base64(data)
        case "quoted-printable":
            return binascii.a2b_qp(data)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            found = uuencoded(data)
            return found[0][1] if found else data
    return data


def base64(data: bytes) -> bytes:
    """Base64, whatever stands between; the end of each padded run is a new beginning."""
    clean = data.translate(None, _NOT_BASE64)
    found = []
    for run in re.findall(rb"[^=]+", clean):
        spare = len(run) % 4
        padded = run[:-1] if spare == 1 else run + b"=" * (-len(run) % 4)
        found.append(binascii.a2b_base64(padded))
    return b"".join(found)


def looks_base64(data: bytes) -> bool:
    """Whether a body that is not said to be base64 is all the same."""
    return len(data) > _SHORT and not data.translate(None, _BASE64)


def uuencoded(data: bytes) -> list[tuple[str, bytes]]:
    """The names and contents of uuencoded files in a text."""
    begins = list(islice(_UU.finditer(data), _MOST_FILES + 1))
    ends = [begin.start() for begin in begins[1:]] + [len(data)]
    found = []
    for begin, most in zip(begins, ends, strict=False):
        end = _UU_END.search(data, begin.end(), most)
        content = b"".join(_uu_lines(data[begin.end() : end.start() if end else most]))
        if content:
            found.append((characters(None, begin[1].strip()), content))
    return found


def _uu_lines(data: bytes) -> Iterator[bytes]:
    for line in data.splitlines():
        try:
            yield binascii.a2b_uu(line)
        except binascii.Error:  # some programs write more than the count at the line's beginning says
            number = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                yield binascii.a2b_uu(line[:number])
            except binascii.Error:
                return
