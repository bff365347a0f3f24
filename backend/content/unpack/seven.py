"""7z archives (7zFormat.txt of the LZMA SDK): the names in them, and the contents where LZMA, LZMA2, bzip2 or deflate
packed them. Nothing but the standard library's decoders is used; what they do not know stays closed.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

SIGNATURE = b"7z\xbc\xaf\x27\x1c"
_HEADER, _FILES, _PACK, _UNPACK, _SUB = 1, 5, 6, 7, 8
_SIZES, _CRC, _FOLDER, _CODER_SIZES, _NUMBERS, _EMPTY, _NAMES, _ENCODED = 9, 10, 11, 12, 13, 14, 17, 23
_MAIN = 4
_MOST = 10_000  # of anything that is counted
_CODED_HEADER = 16 * 1024 * 1024  # bytes of the header, unpacked
_CHUNK = 1024 * 1024
_COPY, _LZMA2, _LZMA = b"\0", b"\x21", b"\x03\x01\x01"
_BZIP2, _DEFLATE, _AES = b"\x04\x02\x02", b"\x04\x01\x08", b"\x06"
_X86 = (b"\x03\x03\x01\x03", b"\x04")
Take = Callable[[int, Iterator[bytes]], bytes]


class Encrypted(Exception):
    """It cannot be read without a password."""


@dataclass(slots=True)
class _Folder:
    """What was packed as one: its coders, the last one's output first."""

    coders: list[tuple[bytes, bytes]]
    packed: int  # streams
    sizes: list[int] = field(default_factory=list)
    parts: int = 1
    part_sizes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Streams:
    at: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[_Folder] = field(default_factory=list)


def members(data: bytes, take: Take) -> Iterator[tuple[str, bytes | None]]:
    """Names and contents; None for a content that is packed in a way that we do not know. `take` puts a stream of so
    many packed bytes together and stops bombs. ValueError, IndexError or a decoder's error where it is broken.
    """
    offset, size = (int.from_bytes(data[at : at + 8], "little") for at in (12, 20))
    reader = _Reader(data[32 + offset : 32 + offset + size])
    kind = reader.byte()
    for _ in range(4):  # headers are packed once; more often only to wear us out
        if kind != _ENCODED:
            break
        streams = _streams(reader)
        (content,) = _contents(data, streams, lambda packed, chunks: _bounded(chunks))[:1]
        if content is None:
            raise ValueError("its header is packed in a way that is not known")
        reader = _Reader(content)
        kind = reader.byte()
    if kind != _HEADER:
        raise ValueError("it has no header")
    streams, names, empty = _Streams(), list[str](), list[bool]()
    while (kind := reader.byte()) != 0:
        if kind == _MAIN:
            streams = _streams(reader)
        elif kind == _FILES:
            names, empty = _files(reader)
        else:
            raise ValueError("its header holds something that is not known")
    yield from _named(data, streams, names, empty, take)


def _named(
    data: bytes, streams: _Streams, names: list[str], empty: list[bool], take: Take
) -> Iterator[tuple[str, bytes | None]]:
    full = iter(name for name, nothing in zip(names, empty, strict=False) if not nothing)
    for folder, content in zip(streams.folders, _contents(data, streams, take), strict=True):
        sizes = folder.part_sizes or [max(folder.sizes, default=0)]
        for size, end in zip(sizes, accumulate(sizes), strict=True):
            yield next(full, ""), None if content is None else content[end - size : end]


def _contents(data: bytes, streams: _Streams, take: Take) -> list[bytes | None]:
    found: list[bytes | None] = []
    at, number = 32 + streams.at, 0
    for folder in streams.folders:
        sizes = streams.packed[number : number + folder.packed]
        number += folder.packed
        found.append(_content(data[at : at + sizes[0]], folder, take) if folder.packed == 1 and sizes else None)
        at += sum(sizes)
    return found


def _content(packed: bytes, folder: _Folder, take: Take) -> bytes | None:
    size = max(folder.sizes)
    if any(name.startswith(_AES) for name, _ in folder.coders):
        raise Encrypted
    coders = [(name, properties) for name, properties in folder.coders if name not in _X86]
    if len(coders) != 1:
        return None
    name, properties = coders[0]
    try:
        start = _DECODERS[name](properties, size)
    except KeyError:
        return None
    return take(len(packed), start(packed))[:size]


def _bounded(chunks: Iterator[bytes]) -> bytes:
    found = b""
    for chunk in chunks:
        found += chunk
        if len(found) > _CODED_HEADER:
            raise ValueError("its header is too large")
    return found


Start = Callable[[bytes], Iterator[bytes]]


def _lzma(filters: list[dict[str, int]]) -> Start:
    def chunks(packed: bytes) -> Iterator[bytes]:
        stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        while not stream.eof:
            piece = stream.decompress(packed, _CHUNK)
            packed = b""
            if not piece:
                return
            yield piece

    return chunks


def _lzma1(properties: bytes, size: int) -> Start:
    first, dictionary = properties[0], int.from_bytes(properties[1:5], "little")
    filters = {"id": lzma.FILTER_LZMA1, "lc": first % 9, "lp": first // 9 % 5, "pb": first // 45}
    return _sized(_lzma([{**filters, "dict_size": _dictionary(dictionary, size)}]), size)


def _lzma2(properties: bytes, size: int) -> Start:
    bits = properties[0]
    dictionary = (2 | bits & 1) << bits // 2 + 11
    return _lzma([{"id": lzma.FILTER_LZMA2, "dict_size": _dictionary(dictionary, size)}])


def _dictionary(wanted: int, size: int) -> int:
    """No larger than what comes out: more is only memory."""
    return max(4_096, min(wanted, size + 4_096, 64 * 1024 * 1024))


def _sized(start: Start, size: int) -> Start:
    """LZMA without an end mark ends where its size says."""

    def chunks(packed: bytes) -> Iterator[bytes]:
        left = size
        for piece in start(packed):
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return

    return chunks


def _bzip2(properties: bytes, size: int) -> Start:
    def chunks(packed: bytes) -> Iterator[bytes]:
        stream = bz2.BZ2Decompressor()
        while not stream.eof and (piece := stream.decompress(packed, _CHUNK)):
            packed = b""
            yield piece

    return chunks


def _deflate(properties: bytes, size: int) -> Start:
    def chunks(packed: bytes) -> Iterator[bytes]:
        stream = zlib.decompressobj(-15)
        while packed and (piece := stream.decompress(packed, _CHUNK)):
            packed = stream.unconsumed_tail
            yield piece

    return chunks


_DECODERS: dict[bytes, Callable[[bytes, int], Start]] = {
    _COPY: lambda properties, size: lambda packed: iter([packed]),
    _LZMA: _lzma1,
    _LZMA2: _lzma2,
    _BZIP2: _bzip2,
    _DEFLATE: _deflate,
}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise ValueError("cut off")
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def number(self) -> int:
        """As many further bytes as the first has leading ones."""
        first, mask, value = self.byte(), 0x80, 0
        for index in range(8):
            if not first & mask:
                return value | (first & mask - 1) << 8 * index
            value |= self.byte() << 8 * index
            mask >>= 1
        return value

    def count(self) -> int:
        number = self.number()
        if number > _MOST:
            raise ValueError("too many of something")
        return number

    def bits(self, number: int) -> list[bool]:
        data = self.take((number + 7) // 8)
        return [bool(data[index // 8] & 0x80 >> index % 8) for index in range(number)]

    def digests(self, number: int) -> list[bool]:
        """Passes over check sums, which nobody looks at here; for which things there are some."""
        defined = [True] * number if self.byte() else self.bits(number)
        self.take(4 * sum(defined))
        return defined


def _streams(reader: _Reader) -> _Streams:
    streams = _Streams()
    defined: list[bool] = []
    while (kind := reader.byte()) != 0:
        if kind == _PACK:
            streams.at = reader.number()
            number = reader.count()
            while (what := reader.byte()) != 0:
                if what == _SIZES:
                    streams.packed = [reader.number() for _ in range(number)]
                else:
                    reader.digests(number)
        elif kind == _UNPACK:
            defined = _folders(reader, streams)
        elif kind == _SUB:
            _parts(reader, streams, defined)
        else:
            raise ValueError("its streams are described in a way that is not known")
    return streams


def _folders(reader: _Reader, streams: _Streams) -> list[bool]:
    if reader.byte() != _FOLDER:
        raise ValueError("it has no folders")
    number = reader.count()
    if reader.byte():
        raise ValueError("its folders are elsewhere")
    streams.folders = [_folder(reader) for _ in range(number)]
    defined = [False] * number
    while (kind := reader.byte()) != 0:
        if kind == _CODER_SIZES:
            for folder in streams.folders:
                folder.sizes = [reader.number() for _ in folder.coders]
        elif kind == _CRC:
            defined = reader.digests(number)
    return defined


def _folder(reader: _Reader) -> _Folder:
    coders, inputs, outputs = list[tuple[bytes, bytes]](), 0, 0
    for _ in range(min(reader.count(), 32)):
        flags = reader.byte()
        name = reader.take(flags & 15)
        ins, outs = (reader.count(), reader.count()) if flags & 16 else (1, 1)
        coders.append((name, reader.take(reader.count()) if flags & 32 else b""))
        inputs, outputs = inputs + ins, outputs + outs
    for _ in range(2 * (outputs - 1)):
        reader.number()
    packed = inputs - (outputs - 1)
    if packed > 1:
        for _ in range(packed):
            reader.number()
    return _Folder(coders, packed)


def _parts(reader: _Reader, streams: _Streams, defined: list[bool]) -> None:
    kind = reader.byte()
    if kind == _NUMBERS:
        for folder in streams.folders:
            folder.parts = reader.count()
        kind = reader.byte()
    for folder in streams.folders:
        whole = max(folder.sizes, default=0)
        sizes = [reader.number() for _ in range(folder.parts - 1)] if kind == _SIZES else []
        folder.part_sizes = [*sizes, whole - sum(sizes)] if folder.parts else []
    if kind == _SIZES:
        kind = reader.byte()
    while kind != 0:
        unknown = sum(
            folder.parts
            for folder, known in zip(streams.folders, defined, strict=False)
            if not (known and folder.parts == 1)
        )
        reader.digests(unknown)
        kind = reader.byte()


def _files(reader: _Reader) -> tuple[list[str], list[bool]]:
    number = reader.count()
    names, empty = list[str](), [False] * number
    while (kind := reader.byte()) != 0:
        block = _Reader(reader.take(reader.number()))
        if kind == _EMPTY:
            empty = block.bits(number)
        elif kind == _NAMES and not block.byte():
            names = block.rest().decode("utf-16-le", "replace").split("\0")[:number]
    return names or [""] * number, empty
