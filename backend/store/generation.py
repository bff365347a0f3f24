"""A number in shared memory that grows with every change of the directory (domains, accounts, aliases).

A worker keeps what it looked up until the number changes: a look costs a memory read, and a new account counts
from the moment its commit is done, in every process.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

_NUMBER = struct.Struct("=Q")


class Generation:
    """The number in the file `path`. It only grows; the writer's lock is held while it does."""

    def __init__(self, path: Path) -> None:
        try:
            descriptor, access = os.open(path, os.O_RDWR | os.O_CLOEXEC), mmap.ACCESS_WRITE
        except OSError:  # a store on a read-only disk can still be read
            descriptor, access = os.open(path, os.O_RDONLY | os.O_CLOEXEC), mmap.ACCESS_READ
        try:
            self._memory = mmap.mmap(descriptor, _NUMBER.size, access=access)
        finally:
            os.close(descriptor)

    @staticmethod
    def create(path: Path) -> None:
        """Make the file when it is missing."""
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(_NUMBER.pack(1))

    @property
    def number(self) -> int:
        """The number now."""
        number: int = _NUMBER.unpack_from(self._memory)[0]
        return number

    def advance(self) -> None:
        """One more."""
        _NUMBER.pack_into(self._memory, 0, self.number + 1)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
