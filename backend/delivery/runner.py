"""The queue runner: leases what is due, hands it to the destinations, writes down what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from backend.accounts.directory import Directory
from backend.config import Delivery, Settings
from backend.delivery import local, owner
from backend.delivery.destination import Bundle, Destination
from backend.delivery.ledger import Ledger
from backend.delivery.remote import Outside, Smtp
from backend.delivery.route import Hop, hop
from backend.delivery.tlsrpt.results import Results
from backend.delivery.transport import Job
from backend.errors import MailError
from backend.store import bodies, messages, queue
from backend.store.database import Reader, Store
from backend.store.queue import Entry, Result

_log = logging.getLogger("delivery")
_MOST = 5_000  # entries leased and not done: a bound of memory, some 1 KB each
_BATCH = 500  # entries leased in one operation
_EACH = 20  # of one domain, when many domains are due
_FULL = 300  # entries that wait for one destination: then nothing more is leased for its domains
_DOMAINS = 5_000  # looked at in one look
_DESTINATIONS = 1_000  # remembered before those are forgotten that have nothing to do
_HOPS = 10_000  # domains whose next hop is remembered
_BREATH = 0.02  # seconds between looks: under load entries come in numbers, not one by one
_LOOK = 1.0  # seconds between looks when nobody rings the bell
_POLICIES = 3_600.0  # seconds between rounds in which policies of others are fetched again
_RETIRE = 600.0  # seconds that a connection made under other settings has for its message
_DRAIN = 18.0  # seconds that messages on their way have when the service stops,
_DRAIN_RESULTS = 3.0  # and after that what came of them, to be written down


class Runner:
    """One process's share of the queue. `told` is set when somebody is to be told something."""

    def __init__(self, settings: Settings, store: Store, told: asyncio.Event) -> None:
        self.wake = asyncio.Event()
        self._settings = settings
        self._store = store
        self._told = told
        self._owner = owner.name()
        self._directory = Directory(store, settings)
        self.results = Results(store)
        self._outside = Outside(settings, store, self.results)
        self._ledger = Ledger(store, self._owner, self._written)
        self._destinations: dict[Hop, Destination] = {}
        self._hops: dict[str, Hop] = {}
        self._held: dict[int, Entry] = {}  # leased, by row
        self._more = False  # whether the last look left something behind
        self._tasks: set[asyncio.Task[None]] = set()  # beside the destinations' own

    def reload(self, settings: Settings) -> None:
        """Go on with other settings. Messages on their way arrive under the old ones."""
        retired = list(self._destinations.values())
        self._settings = settings
        self._directory = Directory(self._store, settings)
        self._outside = Outside(settings, self._store, self.results)
        self._destinations = {}
        self._hops.clear()
        for destination in retired:
            self._move(destination)
            self._spawn(self._retire(destination))

    async def _retire(self, destination: Destination) -> None:
        await destination.stop(_RETIRE)
        self._move(destination)

    def _move(self, destination: Destination) -> None:
        for bundle in destination.take_back():
            self._put(bundle)

    async def run(self, stopping: asyncio.Event) -> None:
        """Until the word to stop; what is not done by then goes back to the queue."""
        await self._inherit()
        others = [
            asyncio.create_task(one) for one in (self._renew(), self._ledger.run(), self.results.run(), self._refresh())
        ]
        try:
            while not stopping.is_set():
                self.wake.clear()
                try:
                    found = await self._look()
                except MailError as error:
                    _log.error("the queue waits for the store: %s", error)
                    await asyncio.sleep(_LOOK)
                    continue
                await (asyncio.sleep(_BREATH) if found else self._pause(stopping))
        finally:
            await self._stop()
            for task in others:
                task.cancel()
            self.results.flush()

    async def _inherit(self) -> None:
        """What processes held that were killed need not wait for the end of their leases."""
        try:
            for one in await self._store.query(queue.owners):
                if owner.dead(one):
                    number = await self._store.commit(partial(queue.take_over, owner=one))
                    _log.warning("a runner died; its %d entries go on", number)
        except MailError as error:
            _log.error("leases of the dead are not taken over, they will run out: %s", error)

    async def _pause(self, stopping: asyncio.Event) -> None:
        """Until the bell rings, or a second has passed."""
        waits = [asyncio.create_task(event.wait()) for event in (self.wake, stopping)]
        await asyncio.wait(waits, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        self._tidy()

    def _tidy(self) -> None:
        for known, destination in list(self._destinations.items()):
            if destination.asleep:
                del self._destinations[known]

    # -- taking work

    async def _look(self) -> bool:
        """Lease what is due and has room, and hand it out; whether there was anything."""
        if len(self._destinations) > _DESTINATIONS:
            self._tidy()
        room = _MOST - len(self._held)
        domains = await self._store.query(lambda reader: queue.due_domains(reader, time.time(), _DOMAINS))
        full = [domain for domain in domains if self._full(domain)]
        self._more = bool(full) or room < _BATCH
        if room < _BATCH or len(full) == len(domains):
            return False
        each = max(_EACH, min(_FULL, room // len(domains)))
        seconds = float(self._settings.delivery.lease)
        leased = await self._store.commit(
            lambda transaction: queue.lease(transaction, self._owner, seconds, _BATCH, full, each)
        )
        # One that is here already had its lease run out while its result could not be written: it is not sent twice.
        fresh = [entry for entry in leased if entry.row not in self._held]
        self._held.update((entry.row, entry) for entry in fresh)
        try:
            await self._hand_out(fresh)
        except MailError:
            self._give_back(fresh)
            raise
        return bool(leased)

    def _full(self, domain: str) -> bool:
        hops = [self._hop(domain, need) for need in (None, messages.TLS_REQUIRED, messages.TLS_OPTIONAL)]
        return any(one in self._destinations and self._destinations[one].waiting >= _FULL for one in hops)

    async def _hand_out(self, entries: Sequence[Entry]) -> None:
        own = {domain: await self._directory.is_own(domain) for domain in {entry.domain for entry in entries}}
        at_home = [entry for entry in entries if own[entry.domain]]
        if at_home:
            self._spawn(self._at_home(at_home))
        bundles: defaultdict[tuple[int, Hop, str], list[Entry]] = defaultdict(list)
        for entry in entries:
            if not own[entry.domain]:
                bundles[entry.message, self._hop(entry.domain, entry.tls), entry.reverse_path].append(entry)
        for bundle in bundles.values():
            self._put(bundle)

    def _put(self, bundle: Bundle) -> None:
        to = self._hop(bundle[0].domain, bundle[0].tls)
        destination = self._destinations.get(to)
        if destination is None:
            name, outside = to.domain or str(to.to), self._outside
            destination = Destination(name, lambda: Smtp(to, outside), self._load, self._ledger, self._delivery)
            self._destinations[to] = destination
        destination.put(bundle)

    def _hop(self, domain: str, need: str | None = None) -> Hop:
        """Where mail goes, by a way of its own when it asks for more or less TLS than other mail (RFC 8689)."""
        found = self._hops.get(domain)
        if found is None:
            if len(self._hops) >= _HOPS:
                self._hops.clear()
            found = self._hops[domain] = hop(domain, self._settings)
        return replace(found, need=need) if need else found

    def _delivery(self) -> Delivery:
        return self._settings.delivery

    async def _load(self, bundles: Sequence[Bundle]) -> list[Job | None]:
        """Envelope and body for each; large bodies stay on disk."""
        folder = self._store.folder
        jobs = await self._store.query(lambda reader: [_job(reader, folder, bundle) for bundle in bundles])
        for bundle, job in zip(bundles, jobs, strict=True):
            if job is None:  # cannot be, while references are counted right
                _log.error("entry %s has no message", bundle[0].id)
                self._ledger.add([Result(entry, "failed", "5.3.0", "the message is gone") for entry in bundle])
        return jobs

    async def _at_home(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            try:
                result = await local.deliver(self._store, self._directory, self._owner, entry, self._settings.delivery)
            except MailError as error:
                _log.error("local delivery waits: %s", error)
                self._give_back([entry])
                await asyncio.sleep(_LOOK)
                continue
            if result is not None:
                self._ledger.add([result])
            else:
                self._held.pop(entry.row, None)

    # -- letting go of it

    def _written(self, results: Sequence[Result]) -> None:
        for result in results:
            self._held.pop(result.entry.row, None)
        if any(result.notice is not None for result in results):
            self._told.set()
        if self._more:
            self.wake.set()

    def _give_back(self, entries: Sequence[Entry]) -> None:
        rows = [entry.row for entry in entries]
        for row in rows:
            self._held.pop(row, None)
        if rows:
            self._store.record(lambda transaction: queue.give_back(transaction, self._owner, rows))

    async def _renew(self) -> None:
        """Long transfers keep their leases."""
        while True:
            seconds = float(self._settings.delivery.lease)
            await asyncio.sleep(seconds / 3)
            rows = list(self._held)
            with contextlib.suppress(MailError):
                await self._store.commit(partial(queue.renew, owner=self._owner, rows=rows, seconds=seconds))

    async def _refresh(self) -> None:
        """What other domains ask of TLS is looked up again now and then."""
        while True:
            await asyncio.sleep(_POLICIES)
            try:
                await self._outside.policies.refresh()
            except MailError as error:
                _log.error("policies of other domains wait for the next round: %s", error)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task failed", exc_info=error)

    async def _stop(self) -> None:
        destinations = list(self._destinations.values())
        for destination in destinations:
            for bundle in destination.take_back():
                self._give_back(bundle)
            self._spawn(destination.stop(_DRAIN))
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_DRAIN + 1)
            for task in late:
                task.cancel()
        await self._ledger.finish(_DRAIN_RESULTS)
        self._give_back(list(self._held.values()))


def _job(reader: Reader, folder: Path, bundle: Bundle) -> Job | None:
    message = bundle[0].message
    envelope, body = messages.envelope(reader, message), bodies.load(reader, folder, message)
    return None if envelope is None or body is None else Job(envelope, body, tuple(bundle))
