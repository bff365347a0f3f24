"""The queue runner: leases what is due, hands it to the destinations, writes down what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from backend.accounts.directory import Directory
from backend.config import Delivery, Settings
from backend.delivery import local
from backend.delivery.destination import Destination
from backend.delivery.remote import Outside, Smtp
from backend.delivery.route import Hop, hop
from backend.delivery.transport import Job
from backend.errors import MailError
from backend.store import bodies, messages, queue
from backend.store.bodies import Body
from backend.store.database import Reader, Store
from backend.store.messages import Envelope
from backend.store.queue import Entry, Result

_log = logging.getLogger("delivery")
_BATCH = 400  # entries leased at once
_EACH = 200  # of one domain
_FULL = 300  # entries that wait for one destination: then nothing more is leased for its domains
_LOOK = 1.0  # seconds between looks at the queue when no bell rings
_DRAIN = 15.0  # seconds that messages on their way have when the service stops


class Runner:
    """One process's share of the queue. `told` is called when somebody is to be told something."""

    def __init__(self, settings: Settings, store: Store, told: asyncio.Event) -> None:
        self.wake = asyncio.Event()
        self._settings = settings
        self._store = store
        self._told = told
        self._owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._directory = Directory(store, settings)
        self._outside = Outside(settings)
        self._destinations: dict[Hop, Destination] = {}
        self._domains: dict[str, Hop] = {}  # of entries under way
        self._held: dict[int, Entry] = {}  # leased, by row
        self._locals: set[asyncio.Task[None]] = set()

    def reload(self, settings: Settings) -> None:
        """Go on with other settings. Connections made under the old ones end as soon as they are idle."""
        self._settings = settings
        self._directory = Directory(self._store, settings)
        self._outside = Outside(settings)
        for destination in self._destinations.values():
            for job in destination.take_back():
                self._give_back(job.entries)
        self._domains.clear()
        self._destinations = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Until the word to stop; what is not done by then goes back to the queue."""
        renewing = asyncio.create_task(self._renew())
        try:
            while not stopping.is_set():
                self.wake.clear()
                try:
                    leased = await self._lease()
                except MailError as error:
                    _log.error("the queue cannot be read, trying again: %s", error)
                    leased = 0
                if not leased:
                    await self._pause(stopping)
        finally:
            await self._stop()
            renewing.cancel()

    async def _pause(self, stopping: asyncio.Event) -> None:
        """Until the bell rings, or a second has passed."""
        waits = [asyncio.ensure_future(self.wake.wait()), asyncio.ensure_future(stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        for known, destination in list(self._destinations.items()):
            if destination.asleep:
                del self._destinations[known]
        if not self._destinations:
            self._domains.clear()

    # -- taking work

    async def _lease(self) -> int:
        """Take what is due and hand it out; how many entries."""
        full = {known for known, destination in self._destinations.items() if destination.waiting >= _FULL}
        smart = self._settings.relay.smarthost is not None and hop("", self._settings) in full
        if smart:
            return 0
        exclude = [domain for domain, known in self._domains.items() if known in full]
        seconds, owner = float(self._settings.delivery.lease), self._owner
        if not self._likely():
            return 0
        leased = await self._store.commit(
            lambda transaction: queue.lease(transaction, owner, seconds, _BATCH, exclude, _EACH)
        )
        if leased:
            for entry in leased:
                self._held[entry.row] = entry
            await self._hand_out(leased)
        return len(leased)

    def _likely(self) -> bool:
        """A look without the turn to write: most looks find nothing."""
        due = self._store.read(queue.next_due)
        return due is not None and due <= time.time()

    async def _hand_out(self, entries: Sequence[Entry]) -> None:
        ids = list(dict.fromkeys(entry.message for entry in entries))
        folder = self._store.folder
        loaded = await self._store.query(lambda reader: _load(reader, folder, ids))
        groups: defaultdict[tuple[int, Hop], list[Entry]] = defaultdict(list)
        for entry in entries:
            known = loaded.get(entry.message)
            if known is None:  # cannot be, while references are counted right
                _log.error("entry %s has no message", entry.id)
                await self._finish([Result(entry, "failed", "5.3.0", "the message is gone")])
            elif await self._directory.is_own(entry.domain):
                task = asyncio.create_task(self._at_home(known[0], entry))
                self._locals.add(task)
                task.add_done_callback(self._locals.discard)
            else:
                groups[entry.message, hop(entry.domain, self._settings)].append(entry)
        for (message, to), some in groups.items():
            envelope, body = loaded[message]
            for entry in some:
                self._domains[entry.domain] = to
            await self._destination(to).put(Job(envelope, body, tuple(some)))

    async def _at_home(self, envelope: Envelope, entry: Entry) -> None:
        try:
            await local.deliver(self._store, self._directory, self._owner, envelope, entry)
            self._told.set()
        except MailError as error:
            _log.error("local delivery waits: %s", error)  # the lease ends, and it is tried again
        finally:
            self._held.pop(entry.row, None)

    def _destination(self, to: Hop) -> Destination:
        found = self._destinations.get(to)
        if found is None:
            outside = self._outside
            found = Destination(lambda: Smtp(to, outside), self._delivery, self._finish, to.domain or str(to.to))
            self._destinations[to] = found
        return found

    def _delivery(self) -> Delivery:
        return self._settings.delivery

    # -- giving results

    async def _finish(self, results: Sequence[Result]) -> None:
        """Write results down. While the disk is full they wait here: what was sent is not sent again."""
        if not results:
            return
        while True:
            try:
                await self._store.commit(lambda transaction: queue.finish(transaction, self._owner, results))
                break
            except MailError as error:
                _log.error("results cannot be written down, trying again: %s", error)
                await asyncio.sleep(1.0)
        for result in results:
            self._held.pop(result.entry.row, None)
        if any(result.notice is not None for result in results):
            self._told.set()
        if self._store_has_more():
            self.wake.set()

    def _store_has_more(self) -> bool:
        """Whether destinations have run low, so that another look is worth it."""
        return len(self._held) < _FULL // 2

    def _give_back(self, entries: Sequence[Entry]) -> None:
        rows = [entry.row for entry in entries]
        for row in rows:
            self._held.pop(row, None)
        self._store.record(lambda transaction: queue.give_back(transaction, self._owner, rows))

    async def _renew(self) -> None:
        """Long transfers keep their leases."""
        while True:
            seconds = float(self._settings.delivery.lease)
            await asyncio.sleep(seconds / 3)
            rows = list(self._held)
            if rows:
                with contextlib.suppress(MailError):
                    await self._store.commit(partial(queue.renew, owner=self._owner, rows=rows, seconds=seconds))

    async def _stop(self) -> None:
        for destination in self._destinations.values():
            for job in destination.take_back():
                self._give_back(job.entries)
        await asyncio.gather(*(destination.stop(_DRAIN) for destination in self._destinations.values()))
        if self._locals:
            await asyncio.wait(self._locals, timeout=5.0)
        self._give_back(list(self._held.values()))


def _load(reader: Reader, folder: Path, ids: Sequence[int]) -> dict[int, tuple[Envelope, Body]]:
    """Envelope and body of each message; large bodies stay on disk."""
    found = {}
    for message in ids:
        envelope, body = messages.envelope(reader, message), bodies.load(reader, folder, message)
        if envelope is not None and body is not None:
            found[message] = (envelope, body)
    return found
