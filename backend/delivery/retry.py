"""When an entry is tried again, when its sender hears of the delay, and when it is given up."""

from __future__ import annotations

import random
from typing import Any

from backend import clock
from backend.config import Delivery
from backend.store.notices import Notice
from backend.store.queue import Entry, Result

_JITTER = 0.1  # of the pause, either way: what failed together does not come back together


def pause(attempts: int, settings: Delivery) -> float:
    """Seconds until the next try, after `attempts` of them: doubling, with jitter."""
    whole = min(float(settings.retry_max), settings.retry_first * 2.0 ** min(attempts - 1, 40))
    return whole * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311


def wants(entry: Entry, what: str) -> bool:
    """Whether the sender is to hear of FAILURE, DELAY or SUCCESS (RFC 3461 §4.1). The null sender never does."""
    if not entry.sender:
        return False
    if entry.notify is None:  # RFC 3461 §4.1: whoever asks for nothing hears of failures and delays
        return what != "SUCCESS"
    return what in entry.notify.split(",")


def failed(entry: Entry, status: str, reply: str, mta: str = "", detail: dict[str, Any] | None = None) -> Result:
    """The end of an entry: its sender is told."""
    notice = None
    if wants(entry, "FAILURE"):
        notice = Notice(entry.recipient, "failed", status, reply, mta, entry.orcpt)
    return Result(entry, "failed", status, reply, mta, notice=notice, detail=detail)


def deferred(
    entry: Entry,
    status: str,
    reply: str,
    settings: Delivery,
    now: float,
    mta: str = "",
    detail: dict[str, Any] | None = None,
) -> Result:
    """Another try later; or the end, when the time for tries is over (RFC 5321 §4.5.4.1)."""
    age = now - entry.received
    if age >= settings.give_up:
        words = f"Given up after {clock.in_words(settings.give_up)}; the last answer was: {reply}"
        return failed(entry, "4.4.7", words, mta, detail)
    wait = min(pause(entry.attempts + 1, settings), max(1.0, settings.give_up - age))
    notice = None
    if settings.delay_notice and not entry.delayed and wants(entry, "DELAY"):
        if age >= settings.delay_notice:
            until = entry.received + settings.give_up
            notice = Notice(entry.recipient, "delayed", status, reply, mta, entry.orcpt, until=until)
        else:  # one more try, before the sender hears of it
            wait = min(wait, max(1.0, settings.delay_notice - age))
    return Result(entry, "deferred", status, reply, mta, now + wait, notice, detail)


def relayed(entry: Entry, reply: str, mta: str, *, dsn: bool, detail: dict[str, Any] | None = None) -> Result:
    """Taken by the next host. When that knows no DSN, telling of the success is up to us (RFC 3461 §5.2.2)."""
    notice = None
    if not dsn and entry.notify is not None and wants(entry, "SUCCESS"):
        notice = Notice(entry.recipient, "relayed", "2.5.0", reply, mta, entry.orcpt)
    return Result(entry, "relayed", "", reply, mta, notice=notice, detail=detail)
