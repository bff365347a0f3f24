"""Watches the DNS lists of the site: tests each, and looks whether a black one has an address of ours.

What it finds is in the store, where the workers of the SMTP server read it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging

from backend.config import Settings
from backend.errors import MailError, Permanent, Temporary
from backend.policy import list_health
from backend.policy.dnslist import DnsList, lists
from backend.resolver.mail_hosts import addresses
from backend.resolver.resolver import Resolver
from backend.store import dnslists
from backend.store.database import Store, Transaction

_log = logging.getLogger("delivery")
_FIRST = 2.0  # seconds after the start
_MINUTE = 60.0
_LONGEST = 5.0  # seconds for an answer: nobody waits for it
_AFTER_TROUBLE = 30.0  # seconds until a list that failed is tested again, so that a short fault is a short one


class ListWatch:
    """Every few minutes, as [dnslists] test_minutes says."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._changed = asyncio.Event()
        self.settings = settings

    def reload(self, settings: Settings) -> None:
        """Other lists from now on."""
        if settings.dnslists != self.settings.dnslists or settings.dns != self.settings.dns:
            self._changed.set()
        self.settings = settings

    async def run(self) -> None:
        """For ever."""
        await asyncio.sleep(_FIRST)
        while True:
            trouble = False
            try:
                trouble = await look(self.settings, self._store)
            except MailError as error:
                _log.error("the DNS lists are tested later: %s", error)
            minutes = self.settings.dnslists.test_minutes
            every = minutes * _MINUTE if minutes else None
            self._changed.clear()
            try:
                wait = every if every is None or not trouble else min(every, _AFTER_TROUBLE)
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue


async def look(settings: Settings, store: Store) -> bool:
    """One round; whether a list is not well. Does nothing when lists or their tests are switched off."""
    some = lists(settings.dnslists)
    if not some or not settings.dnslists.test_minutes:
        return False
    resolver = Resolver(settings.dns)  # that has nothing in its cache
    found = await asyncio.gather(*(list_health.test(one, resolver, _LONGEST) for one in some))
    health = dict(zip(some, found, strict=True))

    def keep(transaction: Transaction) -> None:
        for one, health_now in health.items():
            if dnslists.tested(transaction, one.zone, health_now.trouble, health_now.listed, health_now.unlisted):
                _log.warning("DNS list %s: %s", one.zone, health_now.trouble or "well again")

    await store.commit(keep)
    await _look_at_ourselves([one for one in some if not health[one].trouble], some, settings, resolver, store)
    return any(one.trouble for one in found)


async def _look_at_ourselves(
    well: list[DnsList], some: tuple[DnsList, ...], settings: Settings, resolver: Resolver, store: Store
) -> None:
    ours = await own_addresses(settings, resolver)
    listed, asked = await list_health.own_addresses_on(well, ours, resolver, _LONGEST)

    def keep(transaction: Transaction) -> None:
        dnslists.forget_own_listings(transaction, [one.zone for one in some], ours)
        for zone, address, words in dnslists.set_own_listings(transaction, listed, asked):
            _log.warning("our address %s and the black list %s: %s", address, zone, words or "no longer listed")

    await store.commit(keep)


async def own_addresses(settings: Settings, resolver: Resolver) -> list[str]:
    """The addresses that our mail leaves from, as far as is known: as set, or those of our host name in the world."""
    delivery = settings.delivery
    said = settings.dnslists.own_addresses or tuple(filter(None, (delivery.source_ipv4, delivery.source_ipv6)))
    if said:
        return list(said)
    try:
        hosts = await addresses(resolver, settings.site.hostname)
    except (Permanent, Temporary):
        return []
    return [host.address for host in hosts if ipaddress.ip_address(host.address).is_global]
