"""How many in a window of time: counts that all workers share and that survive a restart.

A file in memory holds a hash table of fixed size: key, window, count in it and in the one before, and the start of
what the key was made of, so that a person can see who is near a limit. The sliding count
is this window's and the part of the last one that still counts. A file lock keeps writers apart; a process that
dies gives it back. Cost: two microseconds, whatever the number of keys.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import mmap
import os
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct("=8s16s8x")  # mark, secret
_LABEL = 72  # bytes of a key that are kept to be read
# Key, window, count, count of the window before, length of a window in seconds, label.
_ENTRY = struct.Struct(f"=QIIII{_LABEL}s")
_MARK = b"counts 2"
_ENTRIES = 1 << 16
_PROBES = 16  # entries that a key may lie in; when all are in use the stalest is forgotten


@dataclass(frozen=True, slots=True)
class Count:
    """A key that counts now. `key` is cut to 72 bytes."""

    key: str
    seconds: int
    number: float


class Counters:
    """Counts by key. `path` is made when it is missing or not ours. `dry`: says what it would, and counts nothing."""

    def __init__(self, path: Path, *, dry: bool = False) -> None:
        size = _HEADER.size + _ENTRIES * _ENTRY.size
        self._dry = dry
        if dry and not path.exists():  # the service has never run: there is nothing to look at
            self._file = os.memfd_create("counters", os.MFD_CLOEXEC)
        else:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            if os.fstat(self._file).st_size != size:
                os.ftruncate(self._file, 0)
                os.posix_fallocate(self._file, 0, size)  # a full disk shows here, not as a crash at the first write
            self._memory = mmap.mmap(self._file, size)
            mark, secret = _HEADER.unpack_from(self._memory)
            if mark != _MARK:
                secret = secrets.token_bytes(16)
                _HEADER.pack_into(self._memory, 0, _MARK, secret)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._secret: bytes = secret

    def add(self, key: str, seconds: int, limit: int, now: float, amount: int = 1) -> float:
        """Count `amount` for `key` in windows of `seconds`, unless that passes `limit`.

        Answers 0 when it was counted, else the seconds after which it would be. A limit of 0 is no limit.
        """
        if limit <= 0:
            return 0.0
        number, window, elapsed = self._place(key, seconds, now)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            offset, current, before = self._find(number, window, now)
            if current + before * (1 - elapsed / seconds) + amount > limit:
                return _wait(current, before, elapsed, seconds, limit - amount)
            if not self._dry:
                label = key.encode("utf-8", "replace")[:_LABEL]
                _ENTRY.pack_into(self._memory, offset, number, window, current + amount, before, seconds, label)
            return 0.0
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def number(self, key: str, seconds: int, now: float) -> float:
        """How many `key` has in the sliding window of `seconds`."""
        number, window, elapsed = self._place(key, seconds, now)
        _, current, before = self._find(number, window, now)
        return current + before * (1 - elapsed / seconds)

    def forget(self, key: str, seconds: int, now: float) -> None:
        """Begin at none."""
        number, window, _ = self._place(key, seconds, now)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            offset, *_ = self._find(number, window, now)
            if _ENTRY.unpack_from(self._memory, offset)[0] == number:
                _ENTRY.pack_into(self._memory, offset, 0, 0, 0, 0, 0, b"")
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def everything(self, now: float) -> list[Count]:
        """All that counts now, in no order. For people: it takes some 50 ms."""
        found = []
        for offset in range(_HEADER.size, len(self._memory), _ENTRY.size):
            key, seen, current, before, seconds, label = _ENTRY.unpack_from(self._memory, offset)
            if not key or not seconds:
                continue
            window, elapsed = divmod(now, seconds)
            age = (int(window) & 0xFFFFFFFF) - seen
            if age in (0, 1):
                last = before if age == 0 else current
                number = (current if age == 0 else 0) + last * (1 - elapsed / seconds)
                found.append(Count(label.rstrip(b"\0").decode("utf-8", "replace"), seconds, number))
        return found

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()
        os.close(self._file)

    def _place(self, key: str, seconds: int, now: float) -> tuple[int, int, float]:
        """What the key is in the table, the number of the window, and the seconds of it that are over."""
        digest = hashlib.blake2b(f"{seconds}:{key}".encode(), digest_size=8, key=self._secret).digest()
        window, elapsed = divmod(now, seconds)
        return int.from_bytes(digest, "little") or 1, int(window) & 0xFFFFFFFF, elapsed

    def _find(self, number: int, window: int, now: float) -> tuple[int, int, int]:
        """Where the key lies or may lie, its count in this window and in the one before."""
        stalest, stalest_end = 0, math.inf
        for probe in range(_PROBES):
            offset = _HEADER.size + (number + probe) % _ENTRIES * _ENTRY.size
            key, seen, current, before, seconds, _ = _ENTRY.unpack_from(self._memory, offset)
            if key == number:
                if seen == window:
                    return offset, current, before
                return offset, 0, current if seen == window - 1 else 0
            end = (seen + 2) * seconds if key else 0
            if end <= now:
                end = 0  # free, or of no more use
            if end < stalest_end:
                stalest, stalest_end = offset, end
        return stalest, 0, 0


def _wait(current: int, before: int, elapsed: float, seconds: int, room: int) -> float:
    """Seconds until the sliding count is down to `room`."""
    if room < 0:
        return float(seconds)  # more than the limit at once never fits
    if current <= room:
        return max(1.0, seconds * (1 - (room - current) / before) - elapsed)
    return max(1.0, seconds - elapsed + seconds * (1 - room / current))
