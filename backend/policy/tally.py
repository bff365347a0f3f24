"""What a worker counts for the whole site, written to the store every few seconds: a check must cost no write."""

from __future__ import annotations

import asyncio
from collections import Counter

from backend.policy.dnslist import Found
from backend.store import dnslists, sending
from backend.store.database import Store, Transaction
from backend.store.dnslists import Count

_EVERY = 2.0  # seconds


class Tally:
    """Counts of one worker."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lists: dict[str, Count] = {}
        self._accounts: Counter[int] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def asked(self, zone: str, found: Found) -> None:
        """A DNS list has answered."""
        count = self._lists.get(zone)
        if count is None:
            count = self._lists[zone] = Count()
        count.asked += 1
        if found.state == "listed":
            count.hits += 1
        elif found.state == "error":
            count.errors, count.error = count.errors + 1, found.words
        self._later()

    def sent(self, account: int) -> None:
        """An account has written to one more recipient."""
        self._accounts[account] += 1
        self._later()

    def flush(self) -> None:
        """Write down what was counted, soon."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lists, accounts = list(self._lists.items()), list(self._accounts.items())
        self._lists, self._accounts = {}, Counter()

        def write(transaction: Transaction) -> None:
            dnslists.count(transaction, lists)
            sending.count(transaction, accounts)

        if lists or accounts:
            self._store.record(write)

    def _later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self.flush)
