"""Macros of Office files: the streams of an OLE file (MS-CFB), and the source text packed in them (MS-OVBA §2.4.1)."""

from __future__ import annotations

import io
from collections.abc import Iterator

import olefile

from backend.content.unpack.budget import Budget
from backend.content.unpacked import Piece

_STREAMS = 1_000
_STREAM = 16 * 1024 * 1024  # bytes of one that are read
_SOURCE = 4 * 1024 * 1024  # bytes of one macro's text
_START = b"\0Attribut"  # how the packed text of every module begins, past its flag byte
_BROKEN = (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


def macros(piece: Piece, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """The name and the source text of each macro module; notes what is encrypted or broken."""
    try:
        yield from _modules(piece, budget)
    except _BROKEN as error:
        budget.note("broken", piece.way, f"an Office file: {type(error).__name__}")


def _modules(piece: Piece, budget: Budget) -> Iterator[tuple[str, bytes]]:
    with olefile.OleFileIO(io.BytesIO(piece.data), raise_defects=olefile.DEFECT_FATAL) as file:
        streams = file.listdir()[:_STREAMS]
        names = {"/".join(stream).lower() for stream in streams}
        if "encryptedpackage" in names:
            budget.note("encrypted", piece.way, "an encrypted Office file")
        for stream in streams:
            budget.on_time(piece.way)
            if len(stream) < 2 or stream[-2].lower() != "vba":
                continue
            with file.openstream(stream) as opened:
                data = opened.read(_STREAM)
            at = data.find(_START)
            if at > 2:
                yield stream[-1], decompress(data[at - 3 :])


def decompress(data: bytes) -> bytes:
    """A compressed container (MS-OVBA §2.4.1.3.1); as much as there is when it is broken."""
    if not data.startswith(b"\x01"):
        return b""
    found, at = bytearray(), 1
    while at + 2 <= len(data) and len(found) < _SOURCE:
        head = int.from_bytes(data[at : at + 2], "little")
        end, begin = min(len(data), at + (head & 0x0FFF) + 3), len(found)
        at += 2
        if not head & 0x8000:
            found += data[at:end]
            at = end
            continue
        while at < end:
            flags = data[at]
            at += 1
            for bit in range(8):
                if at >= end:
                    break
                if not flags >> bit & 1:
                    found.append(data[at])
                    at += 1
                    continue
                token = int.from_bytes(data[at : at + 2], "little")
                at += 2
                if not _copy(found, token, begin):
                    return bytes(found)
    return bytes(found)


def _copy(found: bytearray, token: int, begin: int) -> bool:
    """Copy what a token points back to; False where it points to nothing."""
    bits = max(4, (len(found) - begin - 1).bit_length())
    length = (token & 0xFFFF >> bits) + 3
    back = (token >> 16 - bits) + 1
    if back > len(found):
        return False
    for _ in range(length):
        found.append(found[-back])
    return True
