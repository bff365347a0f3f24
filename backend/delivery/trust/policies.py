"""Policies of other domains (MTA-STS, RFC 8461): looked for when there is mail for them, kept as long as they say.

A policy that was seen once counts until it is over, also when it cannot be found any more: whoever can keep us from
the DNS or from a web server must not get the mail in plain text by that (§5.1).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from backend import logs
from backend.delivery.trust import https, sts
from backend.delivery.trust.https import NotFetched, Request
from backend.delivery.trust.sts import Invalid, Policy
from backend.errors import MailError, Temporary
from backend.resolver.answer import Asks
from backend.resolver.mail_hosts import addresses
from backend.store import sts_policies
from backend.store.database import Store
from backend.store.sts_policies import Kept

_PATH = "/.well-known/mta-sts.txt"
_AGAIN = 300.0  # seconds before a fetch that failed is tried again (§3.3)
_FAILED = 10_000  # failures remembered
_ADDRESSES = 4  # of the web server, that are tried
_USED = 86_400.0  # seconds in which it is noted once that a policy is in use
_OLD = 86_400.0  # seconds after which a policy is fetched again, though nobody has changed its id (§3.3)
_UNUSED = 14 * 86_400.0  # seconds after which nobody does so any more
_PIECE = 50  # policies fetched again in one round
_TEXTS = 20  # TXT records looked at

_log = logging.getLogger("delivery")


@dataclass(frozen=True, slots=True)
class Failure:
    """A policy that is announced and cannot be had. `result` is a result type of RFC 8460 §4.3."""

    result: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a domain's policy. Both are None for a domain without one."""

    policy: Policy | None = None
    failure: Failure | None = None
    fetched: float | None = None  # when, in seconds since 1970
    id: str | None = None


NOTHING = Found()
Noted = Callable[[str, Failure], None]


class Shelf:
    """Where policies are kept: the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, domain: str) -> Kept | None:
        """What is known of a domain."""
        return await self._store.query(lambda reader: sts_policies.get(reader, domain, time.time()))

    async def put(self, policy: Kept) -> None:
        """Keep this one."""
        await self._store.commit(lambda transaction: sts_policies.put(transaction, policy))

    def use(self, policy: Kept) -> None:
        """Note that it is in use."""
        self._store.record(lambda transaction: sts_policies.use(transaction, policy.domain))

    async def aging(self) -> list[Kept]:
        """What is in use and old, when what is over is gone."""
        await self._store.commit(sts_policies.forget)
        now = time.time()
        return await self._store.query(lambda reader: sts_policies.aging(reader, now - _OLD, now - _UNUSED, _PIECE))


class Window(Shelf):
    """The same for who only looks, without an event loop of the store's: nothing is changed."""

    async def get(self, domain: str) -> Kept | None:
        """What is known of a domain."""
        return self._store.read(lambda reader: sts_policies.get(reader, domain, time.time()))

    async def put(self, policy: Kept) -> None:
        """Keep nothing."""

    def use(self, policy: Kept) -> None:
        """Note nothing."""


class Policies:
    """Asks for policies, keeps them on the shelf, and fetches those again that are in use.

    `noted` hears of each failed fetch. `port` is for tests.
    """

    def __init__(
        self,
        shelf: Shelf,
        resolver: Asks,
        *,
        seconds: float,
        context: Callable[[], ssl.SSLContext],
        noted: Noted = lambda domain, failure: None,
        port: int = https.PORT,
    ) -> None:
        self.port = port
        self._shelf = shelf
        self._resolver = resolver
        self._seconds = seconds
        self._context = context
        self._noted = noted
        self._failed: dict[str, tuple[float, Failure]] = {}
        self._fetching: dict[str, asyncio.Task[Found]] = {}

    async def of(self, domain: str) -> Found:
        """The policy that counts for mail to `domain` now. Temporary when the store cannot be read."""
        announced = await self._announced(domain)
        kept = await self._shelf.get(domain)
        if announced is None or (kept is not None and kept.id == announced):
            self._use(kept)
            return _found(kept)
        failed = self._failed.get(domain)
        if failed is not None and failed[0] > time.monotonic():
            return replace(_found(kept), failure=failed[1])
        found = await self._fetch(domain, announced)
        return found if found.policy is not None else replace(_found(kept), failure=found.failure)

    async def refresh(self) -> None:
        """Fetch again what is in use and old, and forget what is over. Temporary when the store cannot take it."""
        for kept in await self._shelf.aging():
            await self._fetch(kept.domain, await self._announced(kept.domain) or kept.id, kept.used)

    # -- the DNS

    async def _announced(self, domain: str) -> str | None:
        """The id in the DNS; None when there is none, or nobody knows."""
        try:
            answer = await self._resolver.ask(f"_mta-sts.{domain}", "TXT")
        except Temporary:
            return None
        texts = (b"".join(record.strings).decode("ascii", "replace") for record in answer.records[:_TEXTS])
        return sts.record_id(texts)

    # -- the web

    async def _fetch(self, domain: str, identity: str, used: float | None = None) -> Found:
        """Fetched once, however many wait for it."""
        task = self._fetching.get(domain)
        if task is None:
            task = self._fetching[domain] = asyncio.ensure_future(self._fetched(domain, identity, used))
            task.add_done_callback(lambda done: self._ended(domain, done))
        return await asyncio.shield(task)

    def _ended(self, domain: str, task: asyncio.Task[Found]) -> None:
        self._fetching.pop(domain, None)
        if not task.cancelled():
            task.exception()  # has been seen, even when those who waited are gone

    async def _fetched(self, domain: str, identity: str, used: float | None) -> Found:
        failure: Failure
        try:
            policy = sts.parse(await self._body(domain))
        except NotFetched as error:
            failure = Failure("sts-webpki-invalid" if error.untrusted else "sts-policy-fetch-error", str(error))
        except Invalid as error:
            failure = Failure("sts-policy-invalid", str(error))
        else:
            self._failed.pop(domain, None)
            now = time.time()
            kept = Kept(
                domain, identity, policy.mode, policy.mx, policy.max_age, now, now + policy.max_age, used or now
            )
            await self._shelf.put(kept)
            return Found(policy, None, now, identity)
        if len(self._failed) >= _FAILED:
            self._failed.clear()
        self._failed[domain] = (time.monotonic() + _AGAIN, failure)
        self._noted(domain, failure)
        fields = logs.fields(domain=domain, result=failure.result, reason=failure.reason)
        _log.warning("a policy cannot be had", extra=fields)
        return Found(None, failure)

    async def _body(self, domain: str) -> bytes:
        host = f"mta-sts.{domain}"
        try:
            found = await addresses(self._resolver, host)
        except MailError as error:
            raise NotFetched(str(error)) from None
        some = tuple(one.address for one in found[:_ADDRESSES])
        reply = await https.ask(Request(host, _PATH, some, self._context(), self.port), self._seconds)
        if reply.status != 200:  # §3.3: a redirect is a failure too
            raise NotFetched(f"the web server answers {reply.status}")
        if reply.kind != "text/plain":
            raise Invalid("its media type is not text/plain")
        return reply.body

    def _use(self, kept: Kept | None) -> None:
        if kept is not None and time.time() - kept.used > _USED:
            self._shelf.use(kept)


def _found(kept: Kept | None) -> Found:
    if kept is None:
        return NOTHING
    return Found(Policy(kept.mode, kept.mx, kept.max_age), None, kept.fetched, kept.id)
