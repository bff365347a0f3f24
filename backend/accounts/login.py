"""Log-ins: one bounded pool of password checks a process, and a lockout that doubles, for account and address."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from backend import clock
from backend.accounts import passwords
from backend.address import fold
from backend.errors import Denied, Temporary
from backend.limits import Limits
from backend.store import accounts
from backend.store.accounts import Account
from backend.store.database import Reader, Store, Transaction


class Logins:
    """Checks passwords off the event loop. Who fails often has to wait, whether the account exists or not."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.limits = limits
        self._store = store
        self._waiting = 0
        self._pool = ThreadPoolExecutor(limits.password_checks, thread_name_prefix="argon2")

    async def check(self, name: str, password: str, peer: str) -> Account:
        """The account that `name` and `password` open, for a caller at `peer`.

        Denied (535) when they open none, Temporary (454) when locked out or when too many are waiting.
        """
        local, _, domain = name.strip().rpartition("@")
        address = f"{fold(local)}@{domain.lower()}"
        keys = (f"a:{address}", f"i:{peer}")
        found, wait, failed_before = await self._store.query(lambda reader: _look_up(reader, address, keys))
        if wait > 0:
            raise Temporary(f"Too many failed log-ins; try again in {wait:.0f} seconds.", code=454, status="4.7.0")
        if self._waiting >= self.limits.password_queue:
            raise Temporary("Too many log-ins at once; try again in a minute.", code=454, status="4.7.0")
        self._waiting += 1
        try:
            stored = found.password if found else None
            right = await asyncio.get_running_loop().run_in_executor(self._pool, passwords.verify, stored, password)
        finally:
            self._waiting -= 1
        if right and found is not None and found.state == "active":
            if failed_before:
                await self._store.commit(lambda transaction: [accounts.unlock(transaction, key) for key in keys])
            return found
        await self._store.commit(lambda transaction: self._fail(transaction, keys))
        raise Denied("The name or the password is wrong.", code=535, status="5.7.8")

    def _fail(self, transaction: Transaction, keys: tuple[str, ...]) -> None:
        limits = self.limits
        for key in keys:
            accounts.fail(transaction, key, limits.lockout_failures, limits.lockout_seconds, limits.lockout_max_seconds)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _look_up(reader: Reader, address: str, keys: tuple[str, ...]) -> tuple[Account | None, float, bool]:
    """The account, the seconds that it or the caller must wait, and whether log-ins failed before."""
    known = [lockout for key in keys if (lockout := accounts.lockout(reader, key))]
    wait = max((lockout.until - clock.now() for lockout in known), default=0.0)
    return accounts.account(reader, address), max(wait, 0.0), bool(known)
