"""Names to addresses: MX with its fallbacks (RFC 5321 §5.1, RFC 7505), on the event loop, each question asked once."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import time
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from backend.config import Dns
from backend.errors import Permanent, Temporary

_EXCHANGERS = 10  # MX hosts looked at: enough for anybody, and an end to a list made to keep us busy
_ADDRESSES = 12  # tried for one domain
_CACHED = 10_000  # answers kept
_SHORTEST, _LONGEST = 5.0, 3_600.0  # seconds that an answer is kept, whatever its TTL says
_NOTHING = 60.0  # seconds that "there is no such record" is kept


@dataclass(frozen=True, slots=True)
class Host:
    """A mail host at one address."""

    name: str
    address: str


class Resolver:
    """Asks the site's name servers. Answers are kept for their TTL, failures are not kept."""

    def __init__(self, settings: Dns) -> None:
        self._resolver = _configured() if not settings.nameservers else dns.asyncresolver.Resolver(configure=False)
        if settings.nameservers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(server.host, server.port) for server in settings.nameservers
            ]
        self._resolver.timeout = settings.timeout_seconds
        self._resolver.lifetime = settings.lifetime_seconds
        self._resolver.cache = None
        self._cache: dict[tuple[str, str], tuple[float, list[Any]]] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[list[Any]]] = {}

    async def mail_hosts(self, domain: str, ourselves: str) -> list[Host]:
        """Where mail for `domain` is to be brought, in the order to try.

        Permanent: there is no such domain (5.1.2), it takes no mail (5.1.10), or it is us (5.4.6). Temporary: the
        name servers do not answer (4.4.3).
        """
        if domain.startswith("["):
            return self._literal(domain)
        exchangers = await self.mx(domain)
        if exchangers and all(name == "" for _, name in exchangers):
            raise Permanent(f"{domain} takes no mail (null MX).", status="5.1.10")
        exchangers = [one for one in exchangers if one[1]]  # "." among others means nothing (RFC 7505 §3)
        if not exchangers:
            hosts = await self.addresses(domain)
            if not hosts:
                raise Permanent(f"{domain} has no mail host and no address.", status="5.1.2")
            return hosts[:_ADDRESSES]
        own = [preference for preference, name in exchangers if name == ourselves.lower()]
        if own:  # RFC 5321 §5.1: to hosts that are better than we are, or mail would come back
            exchangers = [one for one in exchangers if one[0] < min(own)]
            if not exchangers:
                raise Permanent(f"The best mail host of {domain} is this one, which does not know it.", status="5.4.6")
        exchangers.sort(key=lambda one: (one[0], random.random()))  # noqa: S311  to spread load
        return await self._hosts_of(domain, [name for _, name in exchangers[:_EXCHANGERS]])

    @staticmethod
    def _literal(domain: str) -> list[Host]:
        """The address in `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3)."""
        try:
            address = str(ipaddress.ip_address(domain.strip("[]").lower().removeprefix("ipv6:")))
        except ValueError:
            raise Permanent(f"{domain} is no address of a host.", status="5.1.2") from None
        if not _possible(address):
            raise Permanent(f"There can be no mail host at {domain}.", status="5.1.2")
        return [Host(domain, address)]

    async def _hosts_of(self, domain: str, names: list[str]) -> list[Host]:
        found: list[Host] = []
        failure: Temporary | None = None
        for answer in await asyncio.gather(*map(self.addresses, names), return_exceptions=True):
            if isinstance(answer, Temporary):
                failure = answer
            elif isinstance(answer, Permanent):
                continue
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += answer
        if not found:
            if failure is not None:
                raise Temporary(f"No mail host of {domain} can be found now. {failure}", status=failure.status)
            raise Permanent(f"No mail host of {domain} has an address.", status="5.4.4")
        return found[:_ADDRESSES]

    async def mx(self, domain: str) -> list[tuple[int, str]]:
        """(preference, name) of each mail host; the name is empty for a null MX. Empty: there are none."""
        return [
            (record.preference, str(record.exchange).rstrip(".").lower()) for record in await self._ask(domain, "MX")
        ]

    async def addresses(self, name: str) -> list[Host]:
        """The IPv6 addresses of a host, then its IPv4 ones; empty when it has none. Permanent, Temporary as above."""
        found: list[Host] = []
        failures: list[BaseException] = []
        for answer in await asyncio.gather(self._ask(name, "AAAA"), self._ask(name, "A"), return_exceptions=True):
            if isinstance(answer, BaseException):
                failures.append(answer)
            else:
                found += [Host(name, record.address) for record in answer if _possible(record.address)]
        if failures and not found:  # nothing is known for sure while one of the two questions is open
            raise min(failures, key=lambda failure: isinstance(failure, Permanent))
        return found

    async def _ask(self, name: str, kind: str) -> list[Any]:
        key = (name, kind)
        known = self._cache.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.ensure_future(self._fetch(key))
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def _answered(self, key: tuple[str, str], task: asyncio.Task[list[Any]]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # has been seen, even when those who asked are gone

    async def _fetch(self, key: tuple[str, str]) -> list[Any]:
        name, kind = key
        try:
            answer = await self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            raise Permanent(f"There is no domain {name}.", status="5.1.2") from None
        except dns.resolver.NoNameservers:
            raise Temporary(f"The name servers cannot say where {name} is (SERVFAIL).", status="4.4.3") from None
        except dns.exception.Timeout:
            raise Temporary(f"No name server answered for {name}.", status="4.4.3") from None
        except (dns.exception.DNSException, OSError, ValueError) as error:
            reason = type(error).__name__
            raise Temporary(f"{name} could not be looked up ({reason}).", status="4.4.3") from None
        records = list(answer.rrset) if answer.rrset is not None else []
        seconds = min(_LONGEST, max(_SHORTEST, float(answer.rrset.ttl if answer.rrset is not None else _NOTHING)))
        if len(self._cache) >= _CACHED:
            for old in list(self._cache)[: _CACHED // 10]:
                del self._cache[old]
        self._cache[key] = (time.monotonic() + seconds, records)
        return records


def _configured() -> dns.asyncresolver.Resolver:
    """As /etc/resolv.conf says; without one every question fails, and mail waits until there is."""
    try:
        return dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return dns.asyncresolver.Resolver(configure=False)


def _possible(address: str) -> bool:
    """Whether a mail host can be there: a host may name any address, and 0.0.0.0 would be ourselves."""
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_multicast or parsed.is_unspecified)
