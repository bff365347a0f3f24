"""Times, sizes and counts as people read them. Times arrive as RFC 3339 in UTC."""

from __future__ import annotations

import datetime


def now() -> str:
    """The time of the console, for the ages on a screen."""
    return datetime.datetime.now(datetime.UTC).isoformat()


def size(number: int) -> str:
    """`512 B`, `4.0 kB`, `105 MB`."""
    if number < 1_000:
        return f"{number} B"
    value, units = number / 1_000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1_000
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 10 else f"{value:.0f} {units[0]}"


def count(number: int) -> str:
    """`1,234`; `12.3k` and `1.2M` where it gets long."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1_000:.1f}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"


def seconds(time: str) -> float:
    """Seconds since 1970 of a time."""
    return datetime.datetime.fromisoformat(time).timestamp()


def clock(time: str) -> str:
    """`12:04:31`, UTC."""
    return datetime.datetime.fromisoformat(time).strftime("%H:%M:%S")


def since(time: str | None, now: str) -> str:
    """How long ago, in two units at the most: `3d 4h`, `12m 5s`; empty for never."""
    return "" if time is None else span(seconds(now) - seconds(time))


def until(time: str | None, now: str) -> str:
    """How long until then: `in 4m`; `now` when it is over, `held` for never."""
    if time is None:
        return "held"
    left = seconds(time) - seconds(now)
    return "now" if left <= 0 else f"in {span(left, 1)}"


def span(length: float, units: int = 2) -> str:
    """A length of time."""
    rest = max(0, int(length))
    parts: list[str] = []
    for letter, one in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, one)
        if number or parts or letter == "s":
            parts.append(f"{number}{letter}")
        if len(parts) == units:
            break
    return " ".join(parts)


def day(time: str) -> str:
    """`24 November`."""
    moment = datetime.datetime.fromisoformat(time)
    return f"{moment.day} {moment:%B}"


def moment(time: str, now: str) -> str:
    """`12:04:31` of today, `24 Nov 12:04` of another day."""
    then = datetime.datetime.fromisoformat(time)
    same = then.date() == datetime.datetime.fromisoformat(now).date()
    return then.strftime("%H:%M:%S" if same else "%d %b %H:%M")
