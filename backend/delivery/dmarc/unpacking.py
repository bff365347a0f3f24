"""From a mail or a file to the XML of a report, piece by piece: gzip, zip or plain, and never more than is bearable."""

from __future__ import annotations

import email
import email.errors
import io
import zipfile
import zlib
from collections.abc import Iterator
from email.message import Message
from typing import Any, cast

from backend.errors import BadInput

PACKED = 16 * 1024 * 1024  # bytes of a file as it comes; RFC 7489 lets a report have 10 MB
_XML = 64 * 1024 * 1024  # bytes of the XML in it: some 100,000 addresses
_RATIO = 250  # times smaller than its content; XML becomes 10 to 50 times smaller
_FREE = 4 * 1024 * 1024  # bytes that may be unpacked whatever the ratio
_PIECE = 64 * 1024
_PARTS = 50  # of a mail
_ENTRIES = 10  # of a zip file
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_BLANK = b"\xef\xbb\xbf \t\r\n"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def files(message: bytes) -> list[bytes]:
    """The parts of a mail that may be a report: by what they begin with, for their names and types are not kept to."""
    found: list[bytes] = []
    try:
        waiting: list[tuple[Message, int]] = [(email.message_from_bytes(message), 0)]
    except (RecursionError, ValueError, email.errors.MessageError):
        return []
    seen = 0
    while waiting and seen < _PARTS:
        part, depth = waiting.pop()
        seen += 1
        inside: Any = part.get_payload()
        if part.is_multipart() and isinstance(inside, list):
            if depth < _PARTS:
                waiting += [(one, depth + 1) for one in reversed(inside) if isinstance(one, Message)]
            continue
        content = _content(part)
        if _kind(content):
            found.append(content)
    return found


def _content(part: Message) -> bytes:
    try:
        content = cast(Any, part.get_payload(decode=True))
    except (ValueError, LookupError, TypeError, email.errors.MessageError):
        return b""
    return content if isinstance(content, bytes) else b""


def _kind(content: bytes) -> str:
    if content.startswith(_GZIP):
        return "gzip"
    if content.startswith(_ZIP):
        return "zip"
    return "xml" if content.lstrip(_BLANK)[:1] == b"<" or content.startswith((b"\xff\xfe", b"\xfe\xff")) else ""


def pieces(file: bytes) -> Iterator[bytes]:
    """The XML in pieces; BadInput when there is none, or more than one can want."""
    if len(file) > PACKED:
        raise BadInput(f"The file has {len(file):,} bytes; a report has {PACKED:,} at the most.")
    match _kind(file):
        case "gzip":
            some = _gunzipped(file)
        case "zip":
            some = _unzipped(file)
        case "xml":
            some = (file[at : at + _PIECE] for at in range(0, len(file), _PIECE))
        case _:
            raise BadInput("This is neither XML, nor gzip, nor zip.")
    size = 0
    for piece in some:
        size += len(piece)
        if size > _XML:
            raise BadInput(f"The report has more than {_XML:,} bytes when unpacked.")
        if size > _FREE and size > _RATIO * len(file):
            raise BadInput("The report is packed tighter than any honest one.")
        yield piece


def _gunzipped(file: bytes) -> Iterator[bytes]:
    """The first member; some writers leave zeros or rubbish behind it."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    rest = file
    try:
        while not unpacker.eof:
            piece = unpacker.decompress(rest, _PIECE)
            rest = unpacker.unconsumed_tail
            if piece:
                yield piece
            elif not rest:
                raise BadInput("The gzip file is cut off.")
    except zlib.error:
        raise BadInput("The gzip file is damaged.") from None


def _unzipped(file: bytes) -> Iterator[bytes]:
    """The first XML file in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            names = archive.infolist()
            wanted = next((one for one in names[:_ENTRIES] if one.filename.lower().endswith(".xml")), None)
            if wanted is None:
                raise BadInput("There is no XML file in the zip file.")
            if wanted.flag_bits & 1 or wanted.compress_type not in _METHODS:
                raise BadInput("The zip file is encrypted, or packed in a way that reports are not.")
            with archive.open(wanted) as content:
                while piece := content.read(_PIECE):
                    yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise BadInput("The zip file is damaged.") from None
