"""What came of entries, written down many at a time.

What is not written yet is sent again after a crash: so who wants to send more waits for `room`. While the disk is full
it stays here, and is not sent again when the disk has room.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from backend.errors import MailError
from backend.store import queue
from backend.store.database import Store
from backend.store.queue import Result

_log = logging.getLogger("delivery")
_MOST = 200  # results in one operation
_UNWRITTEN = 20  # results that wait before nobody sends any more
_PAUSE = 1.0  # seconds before a store that takes nothing is asked again


class Ledger:
    """`add` results; `written` is called with them once they are on disk."""

    def __init__(self, store: Store, owner: str, written: Callable[[Sequence[Result]], None]) -> None:
        self._store = store
        self._owner = owner
        self._written = written
        self._waiting: deque[Result] = deque()
        self._unwritten = 0
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._empty = asyncio.Event()
        self._count(0)
        self._most = _MOST

    def add(self, results: Sequence[Result]) -> None:
        """These, soon."""
        if results:
            self._waiting.extend(results)
            self._count(len(results))
            self._more.set()

    async def room(self) -> None:
        """Return when little waits."""
        await self._room.wait()

    async def finish(self, seconds: float) -> None:
        """Return when everything is written, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            _log.error("%d results were not written down; their messages are sent again", self._unwritten)

    def _count(self, change: int) -> None:
        self._unwritten += change
        for event, reached in ((self._empty, self._unwritten == 0), (self._room, self._unwritten < _UNWRITTEN)):
            event.set() if reached else event.clear()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._more.wait()
            some = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            try:
                await self._store.commit(partial(queue.finish, owner=self._owner, results=some))
            except MailError as error:
                _log.error("results cannot be written down, trying again: %s", error)
                self._waiting.extend(some)  # behind the others, and fewer at a time: one bad result stops nobody else
                self._most = max(1, self._most // 2)
                await asyncio.sleep(_PAUSE)
                continue
            self._most = min(_MOST, self._most * 2)
            if not self._waiting:
                self._more.clear()
            self._count(-len(some))
            self._written(some)
