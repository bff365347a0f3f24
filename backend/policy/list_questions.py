"""Asking DNS lists: each within a short time of its own, and not at all while it is known to be dead."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from backend.config import Settings
from backend.errors import Temporary
from backend.policy.dnslist import CLEAR, SILENT, DnsList, Found, lists, printable
from backend.resolver.answer import Asks

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
    answer = await resolver.ask(name, "A")
    if not answer.records:
        return CLEAR
    found = one.read(record.address for record in answer.records)
    if found.state != "listed" or one.white:
        return found
    try:
        texts = (await resolver.ask(name, "TXT")).records
    except Temporary:
        return found
    text = " ".join(b"".join(record.strings).decode("utf-8", "replace") for record in texts[:1])
    return Found(found.state, found.weight, found.words, found.codes, printable(text))
