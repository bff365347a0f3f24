"""One next hop: the messages that wait for it, and as many connections as it has shown to bear."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from backend import logs
from backend.config import Delivery
from backend.delivery import retry
from backend.delivery.transport import Job, Transport, Unreachable
from backend.store.queue import Result

_log = logging.getLogger("delivery")
_FIRST = 5  # connections to a host that nothing is known of
_COLD = 5.0  # seconds after a failed connection in which nobody else is sent after it

Finish = Callable[[Sequence[Result]], Awaitable[None]]


class Destination:
    """Jobs go in by `put`; `finish` gets their results. Every job ends there, whatever happens."""

    def __init__(
        self, transport: Callable[[], Transport], settings: Callable[[], Delivery], finish: Finish, name: str
    ) -> None:
        self.name = name
        self._transport = transport
        self._settings = settings
        self._finish = finish
        self._jobs: deque[Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = 0
        self._more = asyncio.Condition()
        self._allowed = float(_FIRST)
        self._cold_until = 0.0
        self._cold: Unreachable | None = None
        self._busy = 0

    @property
    def waiting(self) -> int:
        """Entries that no connection has taken yet."""
        return sum(len(job.entries) for job in self._jobs)

    @property
    def asleep(self) -> bool:
        """Whether there is nothing to do and nobody here."""
        return not self._jobs and not self._workers

    async def put(self, job: Job) -> None:
        """Another job. One that was asked for by a person (due at once) is tried even when the host just failed."""
        if any(entry.due == 0 for entry in job.entries):
            self._cold_until = 0.0
        if self._cold is not None and time.monotonic() < self._cold_until:
            await self._unreachable([job], self._cold)
            return
        self._jobs.append(job)
        most = min(int(self._allowed), self._settings().connections_per_destination)
        if self._idle:
            async with self._more:
                self._more.notify()
        elif len(self._workers) < max(1, most):
            task = asyncio.create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    def take_back(self) -> list[Job]:
        """The jobs that nobody has begun: they will not be done here."""
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs

    async def stop(self, seconds: float) -> None:
        """Let the connections finish what they are at, that long at the most."""
        for task in list(self._workers):
            if self._idle and not self._busy:
                task.cancel()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _work(self) -> None:
        """One connection: job after job, a short wait for more, goodbye."""
        transport = self._transport()
        try:
            while True:
                if not self._jobs and not await self._wait():
                    return
                if self._jobs:
                    await self._do(transport, self._jobs.popleft())
                    if len(self._workers) > max(1, int(self._allowed)):
                        return
        finally:
            await transport.rest()

    async def _wait(self) -> bool:
        """Whether another job came before the connection was idle for too long."""
        self._idle += 1
        try:
            async with asyncio.timeout(self._settings().idle_connection), self._more:
                await self._more.wait_for(lambda: bool(self._jobs))
            return True
        except TimeoutError:
            return bool(self._jobs)
        finally:
            self._idle -= 1

    async def _do(self, transport: Transport, job: Job) -> None:
        self._busy += 1
        try:
            results = await transport.deliver(job)
            self._allowed = min(self._allowed + 1, float(self._settings().connections_per_destination))
            self._cold = None
            await self._finish(results)
        except Unreachable as error:
            # Nobody there: those who wait would only find the same, one after the other.
            self._allowed = max(1.0, self._allowed / 2)
            self._cold, self._cold_until = error, time.monotonic() + _COLD
            await self._unreachable([job, *self.take_back()], error)
        except Exception:
            _log.exception("delivery failed", extra=logs.fields(destination=self.name))
            wrong = Unreachable("Something went wrong here", "4.3.0")
            await self._unreachable([job], wrong)
        finally:
            self._busy -= 1

    async def _unreachable(self, jobs: Sequence[Job], error: Unreachable) -> None:
        now, settings = time.time(), self._settings()
        results = []
        for job in jobs:
            for entry in job.entries:
                if error.permanent:
                    results.append(retry.failed(entry, error.status, str(error), error.mta))
                else:
                    results.append(retry.deferred(entry, error.status, str(error), settings, now, error.mta))
        await self._finish(results)
