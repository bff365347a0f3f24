"""What a rar archive says of its members: their names, and whether they are encrypted. Nothing is unpacked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_OLD, _NEW = b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00"
_MOST = 10_000  # headers
_FILE_OLD, _MAIN_OLD, _FILE_NEW, _ENCRYPTION_NEW = 0x74, 0x73, 2, 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One member; of an archive whose very list is encrypted there is one entry without a name."""

    name: str
    encrypted: bool


def entries(data: bytes) -> Iterator[Entry]:
    """The members in their order. ValueError or struct.error where it is broken."""
    return _new(data) if data.startswith(_NEW) else _old(data)


def _old(data: bytes) -> Iterator[Entry]:
    at = len(_OLD)
    for _ in range(_MOST):
        if at + 7 > len(data):
            return
        _, kind, flags, size = struct.unpack_from("<HBHH", data, at)
        if size < 7:
            raise ValueError("a header without a length")
        more = struct.unpack_from("<I", data, at + 7)[0] if flags & 0x8000 or kind == _FILE_OLD else 0
        if kind == _MAIN_OLD and flags & 0x80:
            yield Entry("", True)
            return
        if kind == _FILE_OLD:
            length = struct.unpack_from("<H", data, at + 26)[0]
            start = at + 32 + (8 if flags & 0x100 else 0)
            name = data[start : start + length].partition(b"\0")[0]
            yield Entry(name.decode("utf-8", "replace"), bool(flags & 4))
        at += size + more


def _new(data: bytes) -> Iterator[Entry]:
    at = len(_NEW)
    for _ in range(_MOST):
        if at + 7 > len(data):
            return
        size, body = _number(data, at + 4)
        end = body + size
        kind, at = _number(data, body)
        flags, at = _number(data, at)
        extra = packed = 0
        if flags & 1:
            extra, at = _number(data, at)
        if flags & 2:
            packed, at = _number(data, at)
        if kind == _ENCRYPTION_NEW:
            yield Entry("", True)
            return
        if kind == _FILE_NEW:
            yield _file(data, at, end, extra)
        at = end + packed


def _file(data: bytes, at: int, end: int, extra: int) -> Entry:
    flags, at = _number(data, at)
    _, at = _number(data, at)
    _, at = _number(data, at)
    at += (4 if flags & 2 else 0) + (4 if flags & 4 else 0)
    _, at = _number(data, at)
    _, at = _number(data, at)
    length, at = _number(data, at)
    name = data[at : at + length].decode("utf-8", "replace")
    at, encrypted = end - extra, False
    while extra and at < end:
        size, body = _number(data, at)
        kind, _ = _number(data, body)
        encrypted = encrypted or kind == 1
        at = body + max(1, size)
    return Entry(name, encrypted)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("cut off")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise ValueError("a number too long")
