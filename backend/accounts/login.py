"""Log-ins: one bounded pool of password checks a process, and a lockout that doubles, for account and address.

What the network hears is the same for every wrong name and password; the log-in history has the reason.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from backend import clock
from backend.accounts import passwords
from backend.address import fold
from backend.errors import BadInput, Denied, Temporary
from backend.limits import Limits
from backend.store import accounts, app_passwords, audit, lockouts, logins
from backend.store.accounts import Account
from backend.store.database import Reader, Store, Transaction

SUBMISSION, SELF_SERVICE = "submission", "self-service"
_LONGEST = 320  # characters of a name that is kept


class Logins:
    """Checks passwords off the event loop. Who fails often has to wait, whether the account exists or not."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.limits = limits
        self._store = store
        self._waiting = 0
        self._pool = ThreadPoolExecutor(limits.password_checks, thread_name_prefix="argon2")

    async def check(self, name: str, password: str, peer: str, service: str = SUBMISSION) -> Account:
        """The account that `name` and `password` (or an app password) open, for a caller at `peer`.

        Denied (535) when they open none, or only to choose another password; Temporary (454) when locked out or when
        too many are waiting.
        """
        found = await self._checked(name, password, peer, service, apps=True)
        if found.must_change:
            reason = logins.EXPIRED if _expired(found) else logins.UNCHANGED
            self._note(found.address, peer, service, reason)
            raise Denied(
                "This password is to choose another one with, not to send mail; the helpdesk says how.",
                code=535,
                status="5.7.8",
            )
        return found

    async def open(self, name: str, password: str, peer: str) -> Account:
        """The account whose owner wants to choose a password: its own or a one-time password opens it."""
        found = await self._checked(name, password, peer, SELF_SERVICE, apps=False)
        if _expired(found):
            self._note(found.address, peer, SELF_SERVICE, logins.EXPIRED)
            raise Denied("This one-time password is too old; ask the helpdesk for another one.")
        return found

    async def change(self, name: str, old: str, new: str, peer: str) -> None:
        """Another password, chosen by its owner. BadInput when it will not do; else as `open`."""
        if new == old:
            raise BadInput("That is the password of now; choose another one.")
        found = await self.open(name, old, peer)
        loop = asyncio.get_running_loop()
        secret = await loop.run_in_executor(self._pool, passwords.hash_password, new)

        def change(transaction: Transaction) -> None:
            accounts.set_password(transaction, found.address, secret)
            _audit(transaction, found, peer, "account.password")

        await self._store.commit(change)

    async def set_junk(self, name: str, password: str, junk: bool | None, peer: str) -> None:
        """Whether mail marked as spam goes to Junk, chosen by its owner; None: as the site has it. Else as `open`."""
        found = await self.open(name, password, peer)
        if found.must_change:
            raise Denied("This password is to choose another one with; do that first.")

        def change(transaction: Transaction) -> None:
            accounts.set_junk(transaction, found.address, junk)
            _audit(transaction, found, peer, "account.junk", before={"junk": found.junk}, after={"junk": junk})

        await self._store.commit(change)

    async def _checked(self, name: str, password: str, peer: str, service: str, *, apps: bool) -> Account:
        local, _, domain = name.strip().rpartition("@")
        address = f"{fold(local)}@{domain.lower()}"
        note = partial(self._note, address, peer, service)
        keys = (f"a:{address}", f"i:{peer}")
        found, app, wait, failed_before = await self._store.query(
            lambda reader: _look_up(reader, address, password if apps else "", keys)
        )
        if wait > 0:
            note(logins.LOCKED)
            raise Temporary(f"Too many failed log-ins; try again in {wait:.0f} seconds.", code=454, status="4.7.0")
        if app is None:
            right = await self._verified(found, password, note)
        else:
            right = True
        if right and found is not None and found.state == "active":
            if failed_before:
                await self._store.commit(lambda transaction: [lockouts.unlock(transaction, key) for key in keys])
            if app is not None:
                identity = found.id
                self._store.record(lambda transaction: app_passwords.used(transaction, identity, app))
            if not found.must_change:
                note(logins.OK, way="password" if app is None else f"app {app}")
            return found
        note(logins.NOBODY if found is None else logins.SUSPENDED if right else logins.WRONG)
        await self._store.commit(lambda transaction: self._fail(transaction, keys))
        raise Denied("The name or the password is wrong.", code=535, status="5.7.8")

    async def _verified(self, found: Account | None, password: str, note: partial[None]) -> bool:
        if self._waiting >= self.limits.password_queue:
            note(logins.BUSY)
            raise Temporary("Too many log-ins at once; try again in a minute.", code=454, status="4.7.0")
        self._waiting += 1
        try:
            stored = found.password if found else None
            return await asyncio.get_running_loop().run_in_executor(self._pool, passwords.verify, stored, password)
        finally:
            self._waiting -= 1

    def _note(self, address: str, peer: str, service: str, outcome: str, way: str = "password") -> None:
        """Into the history, soon; nobody waits for it."""
        if len(address) <= _LONGEST:
            self._store.record(lambda transaction: logins.record(transaction, address, peer, service, outcome, way))

    def _fail(self, transaction: Transaction, keys: tuple[str, ...]) -> None:
        limits = self.limits
        for key in keys:
            lockouts.fail(transaction, key, limits.lockout_failures, limits.lockout_seconds, limits.lockout_max_seconds)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _audit(transaction: Transaction, owner: Account, peer: str, action: str, **values: Any) -> None:
    """What an owner at `peer` has changed. `values`: before and after."""
    audit.add(
        transaction,
        actor=owner.address,
        role="owner",
        origin=f"{SELF_SERVICE} {peer}",
        action=action,
        arguments={"address": owner.address},
        **values,
    )


def _look_up(
    reader: Reader, address: str, app_password: str, keys: tuple[str, ...]
) -> tuple[Account | None, str | None, float, bool]:
    """The account, the name of the app password, the seconds to wait, and whether log-ins failed before."""
    known = [lockout for key in keys if (lockout := lockouts.lockout(reader, key))]
    wait = max((lockout.until - clock.now() for lockout in known), default=0.0)
    found = accounts.account(reader, address)
    app = app_passwords.find(reader, found.id, app_password) if found and app_password else None
    return found, app, max(wait, 0.0), bool(known)


def _expired(account: Account) -> bool:
    return account.must_change and (account.expires or 0.0) <= clock.now()
