"""Looks whether the DNS shows our keys, and moves them on: new ones sign once they can be found, old ones go when no
mail that they signed is under way any more. Runs in the role `delivery`.
"""

from __future__ import annotations

import asyncio
import logging
import time

from backend.config import Settings
from backend.errors import MailError, Temporary
from backend.policy.dkim import key, publish
from backend.resolver.answer import Asks
from backend.resolver.resolver import Resolver
from backend.store import audit, dkim_keys
from backend.store.database import Store, Transaction
from backend.store.dkim_keys import DkimKey

_log = logging.getLogger("delivery")
_FIRST = 2.0  # seconds after the start
_DAY = 86_400


class Rotation:
    """Every `look_seconds`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self._store = store

    async def run(self) -> None:
        """For ever."""
        await asyncio.sleep(_FIRST)
        while True:
            try:
                await self.once(Resolver(self.settings.dns))  # a new one, which has kept no answer
            except MailError as error:
                _log.error("the keys of DKIM wait for the next look: %s", error)
            await asyncio.sleep(self.settings.dkim.look_seconds)

    async def once(self, resolver: Asks) -> None:
        """One look at all keys, and what follows from it."""
        keys = await self._store.query(dkim_keys.everything)
        if not keys:
            return
        shown = await asyncio.gather(*(_look(resolver, one) for one in keys))
        found = {one.id: dns for one, dns in zip(keys, shown, strict=True)}
        await self._store.commit(lambda transaction: self._settle(transaction, keys, found))

    def _settle(self, transaction: Transaction, keys: list[DkimKey], found: dict[int, str]) -> None:
        settings, now = self.settings.dkim, time.time()
        for one in keys:
            dkim_keys.looked(transaction, one.id, found[one.id])
        for domain in sorted({one.domain for one in keys}):
            if dkim_keys.waiting(transaction, domain, now - settings.settle_minutes * 60):
                _note(transaction, "dkim.use", domain, dkim_keys.use(transaction, domain), "the DNS shows them")
            gone = dkim_keys.retire(transaction, domain, now - settings.overlap_days * _DAY)
            if gone:
                _note(transaction, "dkim.revoke", domain, gone, "their time is over")


async def _look(resolver: Asks, one: DkimKey) -> str:
    try:
        answer = await resolver.ask(publish.name_of(one), "TXT")
    except Temporary:
        return "silent"
    return publish.shown(one, key.texts(answer))


def _note(transaction: Transaction, action: str, domain: str, keys: list[DkimKey], reason: str) -> None:
    """What the service does by itself is in the audit log too."""
    selectors = [one.selector for one in keys]
    _log.info("%s %s: %s", action, domain, ", ".join(selectors))
    audit.add(
        transaction,
        actor="mailconsole",
        role="",
        origin="delivery",
        action=action,
        arguments={"domain": domain},
        after=selectors,
        reason=reason,
    )
