"""A report in a file of this machine, made ready for the service."""

from __future__ import annotations

import base64
import gzip
import sys
from pathlib import Path

from backend.errors import BadInput

_LARGEST = 700_000  # bytes, packed: in base64 it must fit into one request ([limits] request_bytes)
_READ = 64 * 1024 * 1024  # bytes of a file that is still to be packed
_PACKED = (b"\x1f\x8b", b"PK")


def read(name: str) -> str:
    """The content in base64, packed if it was not; BadInput when it cannot be read or is too large."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_READ + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_READ + 1)
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.") from None
    if len(content) <= _READ and not content.startswith(_PACKED):
        content = gzip.compress(content)
    if len(content) > _LARGEST:
        raise BadInput(f"{name} is too large; packed, a report has {_LARGEST:,} bytes at the most here.")
    return base64.b64encode(content).decode()
