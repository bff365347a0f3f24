"""One run of the probe: each letter is sent, and what the service did with it is looked up in the store."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

from backend.config import Settings
from backend.content.alarm import alarm
from backend.content.spam.tokens import MARK
from backend.delivery.probe.door import Door, door
from backend.delivery.probe.letter import Written, write
from backend.errors import Permanent
from backend.smtp import client, header
from backend.smtp.answers import Answer
from backend.smtp.client import Lost, Refused, Times
from backend.store import bodies, probes
from backend.store.database import Reader, Store, Transaction
from backend.store.probes import Direction, Probe, Seen, What

_TIMES = Times(connect=5.0, command=10.0, data=20.0)  # seconds; who waits for a run has 30
_NOTED = 3.0  # seconds for a refusal to be in the store
_LOOK = 0.05  # seconds between looks
_ELSEWHERE = "probe@mailconsole.invalid"  # nobody's, ever (RFC 2606 §2); nothing is sent there
_HEADER = 64 * 1024  # bytes of a letter as it arrived
_MARKED = re.compile(rb"(?im)^subject:[ \t]*" + re.escape(MARK.encode()))
_FLAG = re.compile(rb"(?im)^x-spam-flag:[ \t]*yes")
_LONGEST = 300  # characters of a reply


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has found. `notes`: what was not tried, and why."""

    found: tuple[Probe, ...]
    notes: tuple[str, ...]

    def keep(self, transaction: Transaction, settings: Settings) -> None:
        """Keep it; what went wrong is one alert."""
        probes.add(transaction, self.found)
        wrong = [one for one in self.found if one.wrong]
        if wrong:
            words = " ".join(f"{one.name}: {one.words}" for one in wrong)
            alarm(transaction, settings, "probe", ", ".join(one.name for one in wrong), words)


async def run(settings: Settings, store: Store, *, tries: int = 1, pause: float = 0.0) -> Run:
    """All letters at once, a failed one again after `pause` seconds. Permanent when there is no port 25; Temporary when
    the store does not answer.
    """
    way = door(settings)
    if way is None:
        raise Permanent("There is no port for mail of others ([listen] smtp), so nothing can be tried.")
    await store.commit(probes.sweep_old)
    legs: list[tuple[Direction, What]] = [("in", "eicar"), ("in", "gtube")]
    notes = []
    if not way.inside:
        notes.append("Nothing was sent out: this host may not send through itself, [relay] networks.")
    else:
        legs.append(("out", "eicar"))
        if settings.spam.ours and settings.spam.enabled:
            legs.append(("out", "gtube"))
        else:
            notes.append("GTUBE was not sent out: what our own people send is not marked, [spam] ours.")
    found = await asyncio.gather(*(_Leg(settings, store, way, *leg).go(tries, pause) for leg in legs))
    return Run(tuple(found), tuple(notes))


class _Leg:
    """One letter in one direction."""

    def __init__(self, settings: Settings, store: Store, way: Door, direction: Direction, what: What) -> None:
        self._settings = settings
        self._store = store
        self._door = way
        self._direction: Direction = direction
        self._what: What = what

    async def go(self, tries: int, pause: float) -> Probe:
        """What came of it in the end."""
        while True:
            probe = await self._try()
            tries -= 1
            if probe.outcome != "failed" or tries <= 0:
                return probe
            await asyncio.sleep(pause)

    async def _try(self) -> Probe:
        site = self._settings.site
        inwards = self._settings.probe.recipient or f"postmaster@{site.domain}"
        letter = write(self._direction, self._what, site, inwards if self._direction == "in" else _ELSEWHERE)
        await self._store.commit(lambda t: probes.announce(t, letter.letter, letter.digest))
        began = time.monotonic()
        try:
            answer, last = await self._send(letter)
            seconds = time.monotonic() - began
            seen = await self._seen(letter) if last else None
            if seen is None:
                return self._probe("failed", f"The service answered {_said(answer)}.")
            if self._what == "eicar":
                return self._eicar(answer, seen, seconds)
            return await self._gtube(answer, letter, seen, seconds)
        except (Lost, Refused) as error:
            return self._probe("failed", f"The service could not be reached at {self._door.address}: {error}.")
        finally:
            await self._store.commit(lambda t: probes.sweep(t, letter.letter))

    async def _send(self, letter: Written) -> tuple[Answer, bool]:
        """The reply that decides, and whether it was the one to the whole message."""
        settings = self._settings
        line = await client.connect(
            self._door.address, settings.listen.smtp, "ourselves", _TIMES, source=self._door.source
        )
        try:
            await line.hello(settings.site.hostname)
            for command in ("MAIL FROM:<>", f"RCPT TO:<{letter.recipient}>", "DATA"):
                answer = await line.command(command)
                if answer.code // 100 not in (2, 3):
                    return answer, False
            line.write(letter.data + b".\r\n")
            return await line.answer(_TIMES.data), True
        finally:
            await line.quit()

    async def _seen(self, letter: Written) -> Seen | None:
        end = time.monotonic() + _NOTED
        while True:
            seen = await self._store.query(lambda reader: probes.seen(reader, letter.letter))
            if seen is not None or time.monotonic() > end:
                return seen
            await asyncio.sleep(_LOOK)

    # -- what it shows

    def _eicar(self, answer: Answer, seen: Seen, seconds: float) -> Probe:
        settings = self._settings.antivirus
        told = f"after {seconds:.2f} s: {_said(answer)}. Engines: {_engines(seen)}. Trace {seen.story}"
        if (seen.scanner, seen.reason) == ("viruses", "infected"):
            known = [
                *(["yara"] if settings.yara else []),
                *(one.name for one in settings.engine if one.kind == "clamd"),
            ]
            silent = [name for name in known if not seen.engines.get(name, "").startswith("infected")]
            if not silent:
                return self._probe("found", f"Refused {told}.")
            failed = all(seen.engines.get(name, "").startswith("failed") for name in silent)
            words = f"Not found by {', '.join(silent)}, though refused {told}."
            return self._probe("failed" if failed else "missed", words)
        if seen.message is None:
            return self._probe("failed", f"Refused, and not because it is infected, {told}.")
        if not settings.enabled or not (settings.yara or settings.engine):
            return self._probe("missed", "It got through, for [antivirus] is off.", off=True)
        return self._probe("missed", f"It got through {told}.")

    async def _gtube(self, answer: Answer, letter: Written, seen: Seen, seconds: float) -> Probe:
        message = seen.message
        told = f"after {seconds:.2f} s: {_said(answer)}. Trace {seen.story}"
        if message is None or seen.scanner:
            return self._probe("failed", f"Kept from its recipient {told}.")

        def look(reader: Reader) -> tuple[bytes, list[str]]:
            body = bodies.load(reader, self._store.folder, message)
            return body.start(_HEADER) if body is not None else b"", probes.places(reader, letter.letter)

        start, places = await self._store.query(look)
        section = header.section(start)
        where = f"in the mailbox of {', '.join(places)}" if places else "at a recipient without a mailbox here"
        if _MARKED.search(section) and _FLAG.search(section):
            return self._probe("found", f"Marked, {where} {told}.")
        if not self._settings.spam.enabled:
            return self._probe("missed", "It arrived unmarked, for [spam] is off.", off=True)
        return self._probe("missed", f"Not marked, {where} {told}.")

    def _probe(self, outcome: probes.Outcome, words: str, *, off: bool = False) -> Probe:
        return Probe(time.time(), self._direction, self._what, outcome, words, off)


def _said(answer: Answer) -> str:
    """Without the words about where to complain."""
    return answer.text.partition("; questions: ")[0][:_LONGEST]


def _engines(seen: Seen) -> str:
    return ", ".join(f"{name} {said}" for name, said in seen.engines.items()) or "no engine looked at it"
