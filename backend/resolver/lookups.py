"""One message's share of the name servers: so many questions, so much time, and no more."""

from __future__ import annotations

import asyncio
import time

from backend.errors import Temporary
from backend.resolver.answer import Answer, Asks


class Lookups:
    """Asks `resolver`, at most `number` times, and as long as no more than `seconds` were waited for answers in all.

    Questions that wait at the same time count once, and what the client takes to send its message does not count:
    the keys of its signatures are asked for behind the last dot, an hour after the first question if it must be.
    """

    def __init__(self, resolver: Asks, number: int, seconds: float) -> None:
        self._resolver = resolver
        self._left = number
        self._seconds = seconds  # that are left, but for those of what waits now
        self._waiting = 0
        self._since = 0.0  # that something waits

    async def ask(self, name: str, kind: str) -> Answer:
        """As `answer.Asks` says; Temporary also when the share is used up."""
        if self._left <= 0:
            raise Temporary("The message asks for too many DNS look-ups.", status="4.4.3")
        self._left -= 1
        now = time.monotonic()
        if not self._waiting:
            self._since = now
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds - (now - self._since)):
                return await self._resolver.ask(name, kind)
        except TimeoutError:
            raise Temporary(f"The DNS took too long to answer for {name}.", status="4.4.3") from None
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._seconds -= time.monotonic() - self._since

    def known(self, name: str, kind: str) -> Answer | None:
        """As `answer.Asks` says; what is at hand is not counted."""
        return self._resolver.known(name, kind)
