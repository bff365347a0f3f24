"""How TLS went, session by session: counted here, written down every few seconds."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import TYPE_CHECKING

from backend.store import tls_results
from backend.store.database import Store
from backend.store.tls_results import Counted

if TYPE_CHECKING:
    from backend.delivery.trust.demand import Source

_EVERY = 5.0  # seconds between writing
_MOST = 20_000  # kinds that wait to be written: more are not counted
_REASON = 200  # characters
_DAY = 86_400

_Key = tuple[int, str, str, str, str, str, str, str, str]


class Results:
    """`note` each session; `run` keeps them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counted: Counter[_Key] = Counter()

    def note(self, policy: Source, mx: str, address: str, result: str = "", reason: str = "", source: str = "") -> None:
        """One session. `result` is a result type of RFC 8460 §4.3, or empty for one in which all was well. A policy of
        no domain is nobody's, and not counted.
        """
        if not policy.domain:
            return
        if not result:
            mx = address = source = reason = ""  # reports give of good sessions only the number
        strings = json.dumps({"strings": policy.strings, "mx": policy.mx})
        day = int(time.time()) // _DAY
        reason = "".join(letter if letter.isprintable() else " " for letter in reason)[:_REASON]
        key = (day, policy.domain, policy.kind, strings, result, mx, address, source, reason)
        if key in self._counted or len(self._counted) < _MOST:
            self._counted[key] += 1

    def flush(self) -> None:
        """Write down what was counted, with nobody waiting."""
        if self._counted:
            some = [Counted(*key, number) for key, number in self._counted.items()]
            self._counted.clear()
            self._store.record(lambda transaction: tls_results.add(transaction, some))

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(_EVERY)
            self.flush()
