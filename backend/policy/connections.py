"""How many connections are open, in all and from each address, over all workers.

Every worker counts its own in a file that it alone writes; the others only read it. A worker that died left its
process id there, which is how its count is known to be void.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import time
from pathlib import Path

_HEADER = struct.Struct("=II")  # process id, connections in all
_COUNT = struct.Struct("=H")
_COUNTS = 1 << 16  # by hash of the address: two addresses that share one are counted together, which is rare and mild
_REFRESH = 1.0  # seconds between looks for other workers


class Connections:
    """The counts of the worker that makes this, and a view of the others'. `folder` is run/."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._path = folder / f"connections.{worker}"
        temporary = self._path.with_suffix(f".{worker}.new")
        temporary.write_bytes(_HEADER.pack(os.getpid(), 0) + bytes(_COUNTS * _COUNT.size))
        temporary.rename(self._path)
        self._own = _map(self._path, write=True)
        self._others: list[mmap.mmap] = []
        self._looked = 0.0

    def enter(self, network: str, most: int, most_each: int) -> str | None:
        """Count one more; or say what there is too much of: "all" or "address"."""
        if time.monotonic() - self._looked > _REFRESH:
            self._look()
        offset = _offset(network)
        tables = (self._own, *self._others)
        if sum(_HEADER.unpack_from(table)[1] for table in tables) >= most:
            return "all"
        if sum(_COUNT.unpack_from(table, offset)[0] for table in tables) >= most_each:
            return "address"
        self._add(offset, 1)
        return None

    def leave(self, network: str) -> None:
        """Count one less."""
        self._add(_offset(network), -1)

    @property
    def open(self) -> int:
        """The number of connections of this worker."""
        number: int = _HEADER.unpack_from(self._own)[1]
        return number

    def close(self) -> None:
        """Let go, and take the counts away."""
        self._path.unlink(missing_ok=True)
        for table in (self._own, *self._others):
            table.close()

    def _add(self, offset: int, number: int) -> None:
        process, total = _HEADER.unpack_from(self._own)
        _HEADER.pack_into(self._own, 0, process, total + number)
        _COUNT.pack_into(self._own, offset, _COUNT.unpack_from(self._own, offset)[0] + number)

    def _look(self) -> None:
        self._looked = time.monotonic()
        for table in self._others:
            table.close()
        self._others = []
        for path in self._folder.glob("connections.*"):
            if path == self._path or path.suffix == ".new":
                continue
            try:
                table = _map(path, write=False)
            except (OSError, ValueError):  # gone meanwhile
                continue
            if _alive(_HEADER.unpack_from(table)[0]):
                self._others.append(table)
            else:
                table.close()


def _map(path: Path, *, write: bool) -> mmap.mmap:
    descriptor = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        size = _HEADER.size + _COUNTS * _COUNT.size
        return mmap.mmap(descriptor, size, access=mmap.ACCESS_WRITE if write else mmap.ACCESS_READ)
    finally:
        os.close(descriptor)


def _offset(network: str) -> int:
    digest = hashlib.blake2b(network.encode(), digest_size=2).digest()
    return _HEADER.size + int.from_bytes(digest, "little") * _COUNT.size


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
