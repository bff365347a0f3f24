"""One message's share of the name servers: so many questions, so much time, and no more."""

from __future__ import annotations

import asyncio
import time

from backend.errors import Temporary
from backend.resolver.answer import Answer, Asks


class Lookups:
    """Asks `resolver`, at most `number` times and until `seconds` after the first question that had to wait."""

    def __init__(self, resolver: Asks, number: int, seconds: float) -> None:
        self._resolver = resolver
        self._left = number
        self._seconds = seconds
        self._end = 0.0

    async def ask(self, name: str, kind: str) -> Answer:
        """As `answer.Asks` says; Temporary also when the share is used up."""
        if self._left <= 0:
            raise Temporary("The message asks for too many DNS look-ups.", status="4.4.3")
        self._left -= 1
        now = time.monotonic()
        self._end = self._end or now + self._seconds
        try:
            async with asyncio.timeout(self._end - now):
                return await self._resolver.ask(name, kind)
        except TimeoutError:
            raise Temporary(f"The DNS took too long to answer for {name}.", status="4.4.3") from None

    def known(self, name: str, kind: str) -> Answer | None:
        """As `answer.Asks` says; what is at hand is not counted."""
        return self._resolver.known(name, kind)
