"""What the whole site has found out and every worker must know: lists that are off, accounts that are slowed down.

It is read on the side every few seconds; no message waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time

from backend.errors import MailError
from backend.store import dnslists, sending
from backend.store.database import Reader, Store

_EVERY = 3.0  # seconds
_log = logging.getLogger("policy")


class Standing:
    """A look that is a few seconds old at the most, once there was a first one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._off: frozenset[str] = frozenset()
        self._accounts: dict[int, sending.State] = {}
        self._read = -math.inf
        self._seen = False
        self._reading: asyncio.Task[None] | None = None

    @property
    def off(self) -> frozenset[str]:
        """The zones of DNS lists that are not to be asked."""
        self._look()
        return self._off

    def of(self, account: int) -> sending.State | None:
        """Whether an account is slowed down, or was forgiven."""
        self._look()
        return self._accounts.get(account)

    async def ready(self) -> None:
        """Wait for the very first look, and for no other: a list that was off before a restart is off after it."""
        self._look()
        if not self._seen and self._reading is not None:
            await asyncio.shield(self._reading)

    def note(self, account: int, state: sending.State) -> None:
        """What this worker has just found out itself."""
        self._accounts[account] = state

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._read >= _EVERY and (self._reading is None or self._reading.done()):
            self._read = now
            self._reading = asyncio.ensure_future(self._refresh())

    async def _refresh(self) -> None:
        def look(reader: Reader) -> tuple[frozenset[str], list[sending.Throttle]]:
            return dnslists.off(reader), sending.throttles(reader, time.time())

        try:
            self._off, slow = await self._store.query(look)
        except MailError as error:
            _log.warning("what is known of lists and accounts was not read: %s", error)
            return
        finally:
            self._seen = True
        self._accounts = {one.account: one.state for one in slow}
