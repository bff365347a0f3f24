"""Queue ids: 63-bit integers that grow with time, written as 13 characters of Crockford base 32.

42 bits of milliseconds since 2020, 8 bits of process slot, 13 bits of sequence. The supervisor gives each worker
its own slot (0 to 127), so two processes never make the same id; a process outside its care draws one from 128 on.
"""

from __future__ import annotations

import itertools
import os
import secrets
import time

_EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 13
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]

_slot = int(os.environ.get("MAILCONSOLE_SLOT") or 128 + secrets.randbelow(128)) & 0xFF
_sequence = itertools.count(secrets.randbelow(8192))


def new() -> int:
    """A new id. Ids of one process grow, but for those of the same millisecond after a wrap of the sequence."""
    milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
    return milliseconds << 21 | _slot << 13 | next(_sequence) & 0x1FFF


def text(number: int) -> str:
    """The 13 characters of an id: `text(new())` -> `'0R1M2X4G3H0A7'`."""
    return (
        _ALPHABET[number >> 60]
        + _PAIRS[number >> 50 & 0x3FF]
        + _PAIRS[number >> 40 & 0x3FF]
        + _PAIRS[number >> 30 & 0x3FF]
        + _PAIRS[number >> 20 & 0x3FF]
        + _PAIRS[number >> 10 & 0x3FF]
        + _PAIRS[number & 0x3FF]
    )


def parse(word: str) -> int | None:
    """The id that `word` writes, or None when it writes none."""
    if len(word) != _LENGTH:
        return None
    number = 0
    for letter in word.upper():
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return number if number < 1 << 63 else None
