"""Asking DNS lists: each within a short time of its own, and not at all while it is known to be dead."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from backend.config import Settings
from backend.errors import Temporary
from backend.policy.dnslist import CLEAR, SILENT, DnsList, Found, lists, printable
from backend.resolver.answer import Answer, Asks
from backend.resolver.resolver import Resolver

if TYPE_CHECKING:
    from backend.policy.standing import Standing
    from backend.policy.tally import Tally

_FAILURES = 3  # in a row, after which a list is left alone
_REST = 30.0  # seconds that it is


class ListQuestions:
    """The lists of a site, as one worker asks them."""

    def __init__(self, settings: Settings, standing: Standing, tally: Tally) -> None:
        self.all = lists(settings.dnslists)
        self._seconds = settings.dnslists.timeout_seconds
        self._standing = standing
        self._tally = tally
        self._failures: dict[str, int] = {}
        self._rests: dict[str, float] = {}  # until when a list is left alone

    @property
    def awake(self) -> tuple[DnsList, ...]:
        """Those that are worth asking now."""
        if not self.all:
            return ()
        off, now = self._standing.off, time.monotonic()
        return tuple(one for one in self.all if one.zone not in off and self._rests.get(one.zone, 0.0) <= now)

    def at_hand(self, one: DnsList, what: str, resolver: Asks) -> Found | None:
        """What the list says where the DNS is remembered; None where it must be asked, or is remembered to fail."""
        if not isinstance(resolver, Resolver):
            return None
        name = one.name(what)
        with contextlib.suppress(Temporary):
            answer = resolver.known(name, "A")
            if answer is None:
                return None
            found = _read(one, answer)
            if found.state == "listed" and not one.white:
                text = resolver.known(name, "TXT")
                if text is None:
                    return None
                found = _with_text(found, text)
            self._tally.asked(one.zone, found)
            return found
        return None

    async def ask(self, one: DnsList, what: str, resolver: Asks) -> Found:
        """What the list says of an address or domain. Never raises, and never takes longer than the settings say."""
        try:
            async with asyncio.timeout(self._seconds):
                found = await put(one, what, resolver)
        except (Temporary, TimeoutError):
            self._failed(one.zone)
            return SILENT
        self._failures.pop(one.zone, None)
        self._tally.asked(one.zone, found)
        return found

    def _failed(self, zone: str) -> None:
        self._failures[zone] = self._failures.get(zone, 0) + 1
        if self._failures[zone] >= _FAILURES:
            self._rests[zone] = time.monotonic() + _REST


async def put(one: DnsList, what: str, resolver: Asks) -> Found:
    """One question, without limits of our own: A, and TXT for what is listed. Temporary."""
    name = one.name(what)
    found = _read(one, await resolver.ask(name, "A"))
    if found.state != "listed" or one.white:
        return found
    try:
        return _with_text(found, await resolver.ask(name, "TXT"))
    except Temporary:
        return found


def _read(one: DnsList, answer: Answer) -> Found:
    return one.read(record.address for record in answer.records) if answer.records else CLEAR


def _with_text(found: Found, answer: Answer) -> Found:
    if not answer.records:
        return found
    return replace(found, text=printable(b"".join(answer.records[0].strings).decode("utf-8", "replace")))
