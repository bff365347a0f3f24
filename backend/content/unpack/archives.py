"""Archives and compressed files: their members, one after the other, as far as the budget reaches."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

from backend.content.unpack import seven
from backend.content.unpack.budget import Budget
from backend.content.unpacked import Piece

Member = tuple[str, bytes]
_CHUNK = 1024 * 1024
_LZMA_MEMORY = 64 * 1024 * 1024  # bytes that one xz stream may ask for
_ENCRYPTED = 1  # the flag of a zip's member
_NAME = 1_000
_END_OF_ZIP = b"PK\x05\x06"
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, KeyError,
    IndexError, NotImplementedError, RuntimeError, struct.error, OverflowError, AttributeError, TypeError,
)  # fmt: skip


def members(piece: Piece, budget: Budget) -> Iterator[Member]:
    """Names and contents of what is inside; nothing where a piece is no archive. Notes what cannot be opened."""
    opened = _OPEN.get(piece.kind)
    if opened is None and _END_OF_ZIP in piece.data[-66_000:]:
        opened = _zip  # behind a program or a picture: a self-extracting archive
    if opened is None:
        return
    try:
        yield from opened(piece, budget)
    except _BROKEN as error:
        budget.note("broken", piece.way, f"{piece.kind}: {type(error).__name__}")


def _zip(piece: Piece, budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(piece.data)) as archive:
        infos = archive.infolist()
        if len(infos) > budget.limits.unpack_pieces:
            budget.full("too many", piece.way, f"{len(infos):,} members")
        for info in infos:
            if info.is_dir():
                continue
            name = info.filename[:_NAME]
            if info.flag_bits & _ENCRYPTED:
                budget.note("encrypted", (*piece.way, name), "encrypted in a zip archive")
                yield name, b""
                continue
            try:
                with archive.open(info) as member:
                    content = budget.take((*piece.way, name), len(piece.data), iter(lambda: member.read(_CHUNK), b""))
            except _BROKEN as error:
                budget.note("broken", (*piece.way, name), f"in a zip archive: {error or type(error).__name__}"[:200])
                content = b""
            yield name, content


def _tar(piece: Piece, budget: Budget) -> Iterator[Member]:
    with tarfile.open(fileobj=io.BytesIO(piece.data), mode="r:") as archive:
        for number, info in enumerate(archive):
            if number > budget.limits.unpack_pieces:
                budget.full("too many", piece.way, f"more than {budget.limits.unpack_pieces:,} members")
            member = archive.extractfile(info) if info.isfile() else None
            if member is not None:
                chunks = iter(lambda member=member: member.read(_CHUNK), b"")  # type: ignore[misc]
                yield info.name[:_NAME], budget.take((*piece.way, info.name[:_NAME]), len(piece.data), chunks)


def _seven(piece: Piece, budget: Budget) -> Iterator[Member]:
    def take(packed: int, chunks: Iterator[bytes]) -> bytes:
        return budget.take(piece.way, packed, chunks)

    try:
        for name, content in seven.members(piece.data, take):
            if content is None:
                budget.note("unopened", (*piece.way, name[:_NAME]), "packed in a way that we do not know")
            yield name[:_NAME], content or b""
    except seven.Encrypted:
        budget.note("encrypted", piece.way, "an encrypted 7z archive")


def _compressed(start: Callable[[], Callable[[bytes], Iterator[bytes]]]) -> Callable[[Piece, Budget], Iterator[Member]]:
    def opened(piece: Piece, budget: Budget) -> Iterator[Member]:
        name = piece.name.rpartition(".")[0] or "content"
        yield name, budget.take((*piece.way, name), len(piece.data), start()(piece.data))

    return opened


def _gunzip() -> Callable[[bytes], Iterator[bytes]]:
    def chunks(data: bytes) -> Iterator[bytes]:
        stream = zlib.decompressobj(31)
        while data:
            yield stream.decompress(data, _CHUNK)
            data = stream.unconsumed_tail
            if stream.eof:  # what follows is another member, or padding
                data = stream.unused_data.lstrip(b"\0")
                if not data.startswith(b"\x1f\x8b"):
                    return
                stream = zlib.decompressobj(31)

    return chunks


def _stepwise(make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> Callable[[bytes], Iterator[bytes]]:
    def chunks(data: bytes) -> Iterator[bytes]:
        stream = make()
        while not stream.eof:
            piece = stream.decompress(data, _CHUNK)
            data = b""
            if not piece and stream.needs_input:
                return
            yield piece

    return chunks


_OPEN: dict[str, Callable[[Piece, Budget], Iterator[Member]]] = {
    "application/zip": _zip,
    "application/x-tar": _tar,
    "application/x-7z-compressed": _seven,
    "application/gzip": _compressed(_gunzip),
    "application/x-bzip2": _compressed(lambda: _stepwise(bz2.BZ2Decompressor)),
    "application/x-xz": _compressed(lambda: _stepwise(lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY))),
}
