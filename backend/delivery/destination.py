"""One next hop: the messages that wait for it, and as many connections as it has shown to bear.

The first connection finds out whether anybody is there; after that there may be five, and one more for each message
taken. A host that refuses another connection keeps those that stand, and is asked for more only now and then; half
of them go when they break. When nobody is there, all that waits is deferred at once, and so is what comes within
the next seconds: a dead host costs one try, not one a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from backend import logs
from backend.config import Delivery
from backend.delivery import retry
from backend.delivery.ledger import Ledger
from backend.delivery.transport import Job, Transport, Unreachable
from backend.errors import MailError
from backend.store.queue import Entry

_log = logging.getLogger("delivery")
_FIRST = 5.0  # connections to a host that has just answered
_SLOWLY = 0.05  # connections more for each message taken, once the host has refused one
_COLD = 5.0  # seconds after a failure in which nobody else is sent after it; less when entries come back sooner
_LOST = 3  # messages in a row whose connection broke, before the host counts as dead
_AHEAD = 8  # messages that one connection takes from the store at once,
_AHEAD_BYTES = 256 * 1024  # and their size, as far as it is memory
_STORE_PAUSE = 1.0  # seconds before a store that cannot be read is asked again

Bundle = Sequence[Entry]  # entries of one message that leave with one sender
Load = Callable[[Sequence[Bundle]], Awaitable[list[Job | None]]]  # None: the message is gone, and so are its entries


class Destination:
    """Entries go in by `put`; `ledger` gets their results. Every entry ends there, or is taken back."""

    def __init__(
        self,
        name: str,
        transport: Callable[[], Transport],
        load: Load,
        ledger: Ledger,
        settings: Callable[[], Delivery],
    ) -> None:
        self.name = name
        self.waiting = 0  # entries that no connection has taken yet
        self._transport = transport
        self._load = load
        self._ledger = ledger
        self._settings = settings
        self._bundles: deque[Bundle] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._connected = 0
        self._allowed = 1.0
        self._growth = 1.0
        self._lost = 0
        self._cold: Unreachable | None = None
        self._cold_until = 0.0
        self._stopping = False

    @property
    def asleep(self) -> bool:
        """Whether there is nothing to do, nobody here, and nothing to remember."""
        return not self._bundles and not self._workers and time.monotonic() >= self._cold_until

    def put(self, bundle: Bundle) -> None:
        """More to do. What a person asked for (due at once) is tried even when the host has just failed."""
        if any(entry.due == 0 for entry in bundle):
            self._cold_until = 0.0
        if self._is_cold():
            self._unreachable([bundle])
            return
        self._bundles.append(bundle)
        self.waiting += len(bundle)
        self._call()

    def take_back(self) -> list[Bundle]:
        """What nobody has begun: it will not be done here."""
        bundles = list(self._bundles)
        self._bundles.clear()
        self.waiting = 0
        return bundles

    async def stop(self, seconds: float) -> None:
        """Let the connections finish what they are at, that long at the most."""
        self._stopping = True
        while self._idle:
            self._wake()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # -- connections

    def _call(self) -> None:
        """Somebody for what waits: one that is idle, or a new one when there may be one."""
        most = max(1, min(int(self._allowed), self._settings().connections_per_destination))
        if not self._bundles or self._stopping:
            return
        if self._idle:
            self._wake()
        elif len(self._workers) < most:
            task = asyncio.create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._workers.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a connection's task failed", exc_info=error, extra=logs.fields(destination=self.name))
        self._call()

    def _wake(self) -> None:
        waiter = self._idle.popleft()
        if not waiter.done():
            waiter.set_result(None)

    async def _work(self) -> None:
        """One connection: message after message, a short wait for more, goodbye."""
        transport = self._transport()
        try:
            await transport.connect()
        except Unreachable as error:
            self._nobody(error)
            return
        self._connected += 1
        if self._growth == 1.0:
            self._allowed = max(self._allowed, _FIRST)
        try:
            while len(self._workers) <= max(1, int(self._allowed)) and await self._something():
                await self._some(transport, self._take())
        except Unreachable as error:
            self._nobody(error, connected=1)
        finally:
            self._connected -= 1
            await transport.rest()

    async def _something(self) -> bool:
        """Whether there is something to do before the connection has been idle for too long."""
        while not self._bundles and not self._stopping:
            waiter = asyncio.get_running_loop().create_future()
            self._idle.append(waiter)
            try:
                async with asyncio.timeout(self._settings().idle_connection):
                    await waiter
            except TimeoutError:
                return bool(self._bundles)
            finally:
                with contextlib.suppress(ValueError):
                    self._idle.remove(waiter)
        return bool(self._bundles) and not self._stopping

    def _take(self) -> list[Bundle]:
        """A share of what waits, small enough that others have something to do and that it fits into memory."""
        share = max(1, min(_AHEAD, len(self._bundles) // len(self._workers)))
        taken: list[Bundle] = []
        size = 0
        while len(taken) < share and self._bundles and size < _AHEAD_BYTES:
            bundle = self._bundles.popleft()
            self.waiting -= len(bundle)
            size += min(bundle[0].size, _AHEAD_BYTES // 4)  # a larger one is a file
            taken.append(bundle)
        self._call()  # for the rest
        return taken

    def _put_back(self, bundles: Sequence[Bundle]) -> None:
        if self._is_cold():
            self._unreachable(bundles)
            return
        self._bundles.extendleft(reversed(bundles))
        self.waiting += sum(map(len, bundles))

    async def _some(self, transport: Transport, bundles: list[Bundle]) -> None:
        """Do these. What an error leaves undone goes back to what waits."""
        left = deque(bundles)
        try:
            for job in await self._load(bundles):
                if job is not None:
                    await self._do(transport, job)
                left.popleft()
                if self._stopping or not transport.ready:
                    break
        except MailError as error:
            _log.error("messages cannot be read, trying again: %s", error)
            await asyncio.sleep(_STORE_PAUSE)
        finally:
            self._put_back(left)

    async def _do(self, transport: Transport, job: Job) -> None:
        await self._ledger.room()
        try:
            results = await transport.deliver(job)
        except Unreachable:
            raise
        except Exception:
            _log.exception("delivery failed", extra=logs.fields(destination=self.name, message=job.envelope.id))
            self._defer(job.entries, Unreachable("Something went wrong here", "4.3.0"))
            return
        self._ledger.add(results)
        if any(result.outcome != "deferred" for result in results):
            self._lost, self._cold = 0, None
            self._allowed = min(self._allowed + self._growth, float(self._settings().connections_per_destination))
            return
        if transport.ready:  # it answers, and wants this one later
            return
        self._allowed = max(1.0, self._allowed / 2)
        self._lost += 1
        if self._lost >= _LOST:  # it greets, and then goes away or says no more
            self._dead(Unreachable(results[-1].reply, results[-1].status, mta=results[-1].mta))

    # -- failures

    def _nobody(self, error: Unreachable, connected: int = 0) -> None:
        """A connection could not be made. While others stand, the host only wants no more of them."""
        self._allowed, self._growth = max(1.0, len(self._workers) - 1.0), _SLOWLY
        if self._connected <= connected:
            self._dead(error)

    def _dead(self, error: Unreachable) -> None:
        """Those who wait would only find the same, one after the other."""
        self._lost = 0
        self._allowed = self._growth = 1.0
        seconds = min(_COLD, self._settings().retry_first / 2)
        self._cold, self._cold_until = error, time.monotonic() + seconds
        self._unreachable(self.take_back())

    def _is_cold(self) -> bool:
        return self._cold is not None and time.monotonic() < self._cold_until

    def _unreachable(self, bundles: Sequence[Bundle]) -> None:
        assert self._cold is not None
        for bundle in bundles:
            self._defer(bundle, self._cold)

    def _defer(self, bundle: Bundle, error: Unreachable) -> None:
        """Until later, or for good when there is no later."""
        now, words, settings = time.time(), str(error), self._settings()
        if error.permanent:
            self._ledger.add([retry.failed(entry, error.status, words, error.mta, error.detail) for entry in bundle])
        else:
            mta, detail = error.mta, error.detail
            self._ledger.add(
                [retry.deferred(entry, error.status, words, settings, now, mta, detail) for entry in bundle]
            )
