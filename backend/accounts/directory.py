"""Which addresses are ours and where their mail goes, remembered by each worker until the directory changes."""

from __future__ import annotations

import time

from backend.accounts import srs
from backend.address import Address, parse
from backend.config import Settings
from backend.store import accounts
from backend.store.accounts import Resolution
from backend.store.database import Store

_REMEMBERED = 50_000  # addresses; past it all are forgotten, so a flood of guesses costs no memory


class Directory:
    """Look-ups that cost a dictionary's when they were made before, a query in a thread when not."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._separator = settings.accounts.tag_separator
        self._first_domain = settings.site.domain
        self._settings = settings
        self._srs: srs.Srs | None = None
        self._generation = 0
        self._domains: frozenset[str] | None = None
        self._known: dict[Address, Resolution | None] = {}
        self._active: dict[int, bool] = {}

    async def is_own(self, domain: str) -> bool:
        """Whether mail for the domain ends here."""
        self._refresh()
        if self._domains is None:
            generation = self._generation
            domains = await self._store.query(accounts.own_domains)
            if generation != self._store.generation.number:
                return domain in domains
            self._domains = domains
        return domain in self._domains

    async def resolve(self, address: Address | str) -> Resolution | None:
        """Where mail for the address goes; None when the domain is ours and knows no such address. What comes back to a
        sender of forwarded mail goes to who sent it first.
        """
        if isinstance(address, str):
            address = parse(address)
        if not address.domain:
            address = Address(address.local, self._first_domain)
        if srs.rewritten(address.local) and await self.is_own(address.domain):
            original = self._rewriter().back(address.local, time.time())
            if original is None:
                return None
            if not await self.is_own(original.domain):
                return Resolution((), (str(original),))
            address = original
        return await self._found(address)

    async def is_active(self, account: int) -> bool:
        """Whether that account is there, and not suspended."""
        self._refresh()
        if account in self._active:
            return self._active[account]
        generation = self._generation
        found = await self._store.query(lambda reader: accounts.account_of(reader, account))
        active = found is not None and found.state == "active"
        if generation == self._store.generation.number:
            self._active[account] = active
        return active

    async def leaves_as(self, sender: Address | None) -> str | None:
        """The sender of a message that an alias of ours sends on to another host; None: as it came."""
        if sender is None or not self._settings.srs.enabled or not sender.domain or await self.is_own(sender.domain):
            return None
        return self._rewriter().forward(sender, time.time())

    def _rewriter(self) -> srs.Srs:
        """Made when it is first wanted."""
        if self._srs is None:
            settings = self._settings
            domain = settings.srs.domain or settings.site.domain
            self._srs = srs.Srs(srs.key(settings.site.data), domain, settings.srs.days)
        return self._srs

    async def _found(self, address: Address) -> Resolution | None:
        self._refresh()
        known = self._known
        if address in known:
            return known[address]
        generation = self._generation
        found = await self._store.query(
            lambda reader: accounts.resolve(reader, address, self._separator, self._first_domain)
        )
        if generation == self._store.generation.number:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[address] = found
        return found

    def _refresh(self) -> None:
        number = self._store.generation.number
        if number != self._generation:
            self._generation = number
            self._domains = None
            self._known.clear()
            self._active.clear()
