"""Times as people and mail write them. Inside, a time is seconds since 1970 in UTC."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from backend.errors import BadInput

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def rfc3339(seconds: float) -> str:
    """`2026-11-24T05:00:00Z`; milliseconds are cut off."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def date(seconds: float) -> str:
    """`Tue, 24 Nov 2026 05:00:00 +0000`, as in a header (RFC 5322 §3.3)."""
    return _date(int(seconds))


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def span(words: str) -> float:
    """Seconds of `90s`, `10m`, `4h`, `5d` or `2w`; BadInput otherwise."""
    found = re.fullmatch(r"(\d{1,9})([smhdw])", words.strip().lower())
    if found is None:
        raise BadInput(f"{words!r} is not a length of time; write a number and s, m, h, d or w, as in 4h.")
    return int(found[1]) * float(_UNITS[found[2]])


def in_words(seconds: float) -> str:
    """A length of time as two units at the most: `3d 4h`, `12m`, `5s`."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number or parts:
            parts.append(f"{number}{unit}" if number else "")
        if len(parts) == 2:
            break
    return " ".join(filter(None, parts)) or "0s"
