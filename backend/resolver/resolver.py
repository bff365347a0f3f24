"""Questions to the site's name servers, on the event loop: each asked once, kept for its time, not too many at once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any, cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from backend.config import Dns
from backend.errors import Temporary
from backend.resolver.answer import Answer
from backend.resolver.nameserver import Bounded

_CACHED = 50_000  # answers kept
_SHORTEST, _LONGEST = 5.0, 3_600.0  # seconds that an answer is kept, whatever its TTL says
_NOTHING = 60.0  # seconds that "there is none" is kept when no SOA says how long (RFC 2308 §5)
_NEGATIVE = 600.0  # seconds that it is kept at the most
_FAILURE = 2.0  # seconds in which a question that failed is not asked again (RFC 2308 §7 allows 5 minutes)
_RECORDS = 500  # of one answer: more is made to keep us busy
_UDP = 1_232  # bytes of an answer by UDP, as all networks carry

Key = tuple[str, str]


class Resolver:
    """Asks the site's name servers. Answers are kept for their TTL, also that there is none; failures for a moment."""

    def __init__(self, settings: Dns) -> None:
        self._resolver = _configured() if not settings.nameservers else dns.asyncresolver.Resolver(configure=False)
        if settings.nameservers:
            self._resolver.nameservers = [Bounded(server.host, server.port) for server in settings.nameservers]
        self._resolver.timeout = settings.timeout_seconds
        self._resolver.lifetime = settings.lifetime_seconds
        self._resolver.cache = None
        # AD is asked for (RFC 6840 §5.7) and believed where the site says that its servers validate.
        self._resolver.flags = dns.flags.RD | dns.flags.AD
        self._resolver.use_edns(0, 0, _UDP)
        self._validating = settings.validating
        self._turns = asyncio.Semaphore(settings.questions)
        self._kept: OrderedDict[Key, tuple[float, Answer | Temporary]] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Answer]] = {}

    async def ask(self, name: str, kind: str) -> Answer:
        """As `answer.Asks` says."""
        kept = self.known(name, kind)
        if kept is not None:
            return kept
        key = (name.lower().rstrip("."), kind)
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.ensure_future(self._fetch(key))
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def known(self, name: str, kind: str) -> Answer | None:
        """As `answer.Asks` says. It is one look into a dictionary, which is why any thread may have it."""
        found = self._kept.get((name.lower().rstrip("."), kind))
        if found is None or found[0] <= time.monotonic():
            return None
        if isinstance(found[1], Temporary):
            raise Temporary(str(found[1]), code=found[1].code, status=found[1].status)
        return found[1]

    def _answered(self, key: Key, task: asyncio.Task[Answer]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # has been seen, even when those who asked are gone

    async def _fetch(self, key: Key) -> Answer:
        try:
            async with self._turns:
                answer = await self._resolve(*key)
        except Temporary as error:
            self._keep(key, _FAILURE, error)
            raise
        longest = _LONGEST if answer.records else _NEGATIVE
        self._keep(key, min(longest, max(_SHORTEST, answer.ttl)), answer)
        return answer

    async def _resolve(self, name: str, kind: str) -> Answer:
        try:
            wanted = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return Answer((), False, _NOTHING)  # what cannot be a name has no records
        try:
            found = await self._resolver.resolve(wanted, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as error:
            return Answer((), False, _negative_ttl(list(cast(Any, error).responses().values())))
        except dns.resolver.NoNameservers:
            raise Temporary(f"The name servers cannot answer for {name} (SERVFAIL).", status="4.4.3") from None
        except dns.exception.Timeout:
            raise Temporary(f"No name server answered for {name}.", status="4.4.3") from None
        except (dns.exception.DNSException, OSError, ValueError) as error:
            reason = type(error).__name__
            raise Temporary(f"{name} could not be looked up ({reason}).", status="4.4.3") from None
        secure = self._validating and bool(found.response.flags & dns.flags.AD)
        if found.rrset is None:
            return Answer((), True, _negative_ttl([found.response]), secure)
        records = tuple(found.rrset)[:_RECORDS]
        return Answer(records, True, float(found.rrset.ttl), secure, str(found.canonical_name).rstrip(".").lower())

    def _keep(self, key: Key, seconds: float, answer: Answer | Temporary) -> None:
        self._kept[key] = (time.monotonic() + seconds, answer)
        self._kept.move_to_end(key)
        while len(self._kept) > _CACHED:
            self._kept.popitem(last=False)


def _configured() -> dns.asyncresolver.Resolver:
    """As /etc/resolv.conf says; without one every question fails, and mail waits until there is."""
    try:
        found = dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return dns.asyncresolver.Resolver(configure=False)
    found.nameservers = [Bounded(str(address), found.port) for address in found.nameservers]
    return found


def _negative_ttl(responses: list[dns.message.Message]) -> float:
    """How long "there is none" may be kept: the lesser of the SOA's TTL and its last field (RFC 2308 §5)."""
    for response in responses:
        for rrset in response.authority:
            if rrset.rdtype == dns.rdatatype.SOA and len(rrset):
                return float(min(rrset.ttl, rrset[0].minimum))
    return _NOTHING
