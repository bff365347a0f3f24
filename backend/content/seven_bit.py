"""A message of 8-bit MIME as 7-bit, for a host that takes no other (RFC 6152 §3): each part with 8-bit content becomes
quoted-printable or base64 (RFC 2045 §6), the rest stays as it is, byte by byte. Pure; the work grows with the bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from email.message import Message
from email.parser import BytesHeaderParser

_DEPTH = 30  # parts in parts
_PARTS = 2_000
_END = b"\r\n\r\n"
_ENCODING = re.compile(rb"(?im)^content-transfer-encoding[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
_VERSION = re.compile(rb"(?im)^mime-version[ \t]*:")
_SEALED = ("multipart/signed", "multipart/encrypted")  # a change breaks them
_PLAIN = ("", "7bit", "8bit", "binary")


class Unconvertible(Exception):
    """It cannot be had as 7-bit."""


def convert(message: bytes) -> bytes:
    """The message as 7-bit; itself when it is that already. Unconvertible."""
    if message.isascii():
        return message
    converted = _entity(message, 0, [0])
    if _VERSION.search(_split(message)[0]):
        return converted
    return b"MIME-Version: 1.0\r\n" + converted


def _split(entity: bytes) -> tuple[bytes, bytes]:
    """The header section with its last CR LF, and the body behind the empty line."""
    if entity.startswith(b"\r\n"):
        return b"", entity[2:]
    end = entity.find(_END)
    return (entity, b"") if end < 0 else (entity[: end + 2], entity[end + 4 :])


def _entity(entity: bytes, depth: int, count: list[int]) -> bytes:
    if entity.isascii():
        return entity
    count[0] += 1
    if depth > _DEPTH or count[0] > _PARTS:
        raise Unconvertible("it has too many parts")
    head, body = _split(entity)
    if not head.isascii():
        raise Unconvertible("it has 8-bit characters in a header section")
    fields = BytesHeaderParser().parsebytes(head)
    kind = fields.get_content_type()
    if str(fields.get("Content-Transfer-Encoding", "")).strip().lower() not in _PLAIN:
        raise Unconvertible("a part says that it is encoded, and is not")
    if kind in _SEALED:
        raise Unconvertible("a part is signed or encrypted")
    if kind.startswith("multipart/"):
        return _encoded(head, b"7bit") + b"\r\n" + _parts(body, fields, depth, count)
    if kind in ("message/rfc822", "message/global"):
        return _encoded(head, b"7bit") + b"\r\n" + _entity(body, depth + 1, count)
    if kind.startswith("message/"):
        raise Unconvertible("a part of its kind must not be encoded")
    if "Content-Type" not in fields:
        head += b"Content-Type: text/plain; charset=unknown-8bit\r\n"  # RFC 1428 §3
    if kind.startswith("text/"):
        return _encoded(head, b"quoted-printable") + b"\r\n" + _quoted(body)
    return _encoded(head, b"base64") + b"\r\n" + base64.encodebytes(body).replace(b"\n", b"\r\n")


def _encoded(head: bytes, encoding: bytes) -> bytes:
    """The header section with this encoding in place of the one that it has."""
    return _ENCODING.sub(b"", head) + b"Content-Transfer-Encoding: " + encoding + b"\r\n"


def _quoted(body: bytes) -> bytes:
    lines = (binascii.b2a_qp(line, quotetabs=False, istext=True, header=False) for line in body.split(b"\r\n"))
    return b"\r\n".join(line.replace(b"=\n", b"=\r\n") for line in lines)


def _parts(body: bytes, fields: Message, depth: int, count: list[int]) -> bytes:
    """The parts between the delimiters (RFC 2046 §5.1); what stands around them means nothing."""
    boundary = fields.get_boundary()
    if not boundary or not boundary.isascii():
        raise Unconvertible("its parts cannot be told apart")
    delimiter = re.compile(rb"(?:\A|(?<=\r\n))--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?:\r\n|\Z)")
    out, place, inside = [], 0, False
    for found in delimiter.finditer(body):
        out += [_between(body[place : found.start()], depth, count, inside=inside), found[0]]
        place, inside = found.end(), found[1] is None
        if not inside:
            break
    return b"".join([*out, _between(body[place:], depth, count, inside=inside)])


def _between(piece: bytes, depth: int, count: list[int], *, inside: bool) -> bytes:
    """A part, whose last CR LF belongs to the delimiter behind it; or what is none, in ASCII."""
    if not inside:
        return piece if piece.isascii() else bytes(byte if byte < 128 else 63 for byte in piece)
    part, end = (piece[:-2], b"\r\n") if piece.endswith(b"\r\n") else (piece, b"")
    return _entity(part, depth + 1, count) + end
