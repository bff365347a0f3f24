"""Who takes a domain's mail: MX with its fallbacks (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

import asyncio
import ipaddress
import random
from dataclasses import dataclass, replace

from backend.errors import Permanent, Temporary
from backend.resolver.answer import Answer, Asks

_EXCHANGERS = 10  # MX hosts looked at: enough for anybody, and an end to a list made to keep us busy
_ADDRESSES = 12  # tried for one domain


@dataclass(frozen=True, slots=True)
class Host:
    """A mail host at one address. What DNSSEC has proved of it says what DANE may ask (RFC 7672 §2.2)."""

    name: str
    address: str
    secure: bool = False  # that it is at this address
    meant: bool = False  # that it takes the domain's mail
    alias_of: str = ""  # the name behind the aliases of `name`, where the address was found
    domains: tuple[str, ...] = ()  # the names by which the domain goes, as far as that is proved


async def mail_hosts(resolver: Asks, domain: str, ourselves: str) -> list[Host]:
    """Where mail for `domain` is to be brought, in the order to try.

    Permanent: there is no such domain (5.1.2), it takes no mail (5.1.10), or it is us (5.4.6). Temporary: the
    name servers do not answer (4.4.3).
    """
    if domain.startswith("["):
        return _literal(domain)
    answer = await _answer(resolver, domain, "MX")
    exchangers = _exchangers(answer)
    if exchangers and all(name == "" for _, name in exchangers):
        raise Permanent(f"{domain} takes no mail (null MX).", status="5.1.10")
    exchangers = [one for one in exchangers if one[1]]  # "." among others means nothing (RFC 7505 §3)
    if not exchangers:
        hosts = await addresses(resolver, domain)
        if not hosts:
            raise Permanent(f"{domain} has no mail host and no address.", status="5.1.2")
        return _meant(hosts[:_ADDRESSES], domain, answer)
    own = [preference for preference, name in exchangers if name == ourselves.lower()]
    if own:  # RFC 5321 §5.1: to hosts that are better than we are, or mail would come back
        exchangers = [one for one in exchangers if one[0] < min(own)]
        if not exchangers:
            raise Permanent(f"The best mail host of {domain} is this one, which does not know it.", status="5.4.6")
    exchangers.sort(key=lambda one: (one[0], random.random()))  # noqa: S311  to spread load
    hosts = await _hosts_of(resolver, domain, [name for _, name in exchangers[:_EXCHANGERS]])
    return _meant(hosts, domain, answer)


def _meant(hosts: list[Host], domain: str, answer: Answer) -> list[Host]:
    """The hosts with what the answer to the question for MX has proved."""
    if not answer.secure:
        return hosts
    domains = (domain,) if answer.name in ("", domain) else (domain, answer.name)
    return [replace(host, meant=True, domains=domains) for host in hosts]


def _literal(domain: str) -> list[Host]:
    """The address in `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3)."""
    try:
        address = str(ipaddress.ip_address(domain.strip("[]").lower().removeprefix("ipv6:")))
    except ValueError:
        raise Permanent(f"{domain} is no address of a host.", status="5.1.2") from None
    if not _possible(address):
        raise Permanent(f"There can be no mail host at {domain}.", status="5.1.2")
    return [Host(domain, address)]


async def _hosts_of(resolver: Asks, domain: str, names: list[str]) -> list[Host]:
    found: list[Host] = []
    failure: Temporary | None = None
    for answer in await asyncio.gather(*(addresses(resolver, name) for name in names), return_exceptions=True):
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


async def mx(resolver: Asks, domain: str) -> list[tuple[int, str]]:
    """(preference, name) of each mail host; the name is empty for a null MX. Empty: there are none."""
    return _exchangers(await _answer(resolver, domain, "MX"))


def _exchangers(answer: Answer) -> list[tuple[int, str]]:
    return [(record.preference, str(record.exchange).rstrip(".").lower()) for record in answer.records]


async def addresses(resolver: Asks, name: str) -> list[Host]:
    """The IPv6 addresses of a host, then its IPv4 ones; empty when it has none. Permanent, Temporary as above."""
    found: list[Host] = []
    failures: list[BaseException] = []
    for answer in await asyncio.gather(
        _answer(resolver, name, "AAAA"), _answer(resolver, name, "A"), return_exceptions=True
    ):
        if isinstance(answer, BaseException):
            failures.append(answer)
        else:
            found += [
                Host(name, record.address, answer.secure, alias_of=answer.name if answer.name != name else "")
                for record in answer.records
                if _possible(record.address)
            ]
    if failures and not found:  # nothing is known for sure while one of the two questions is open
        raise min(failures, key=lambda failure: isinstance(failure, Permanent))
    return found


async def _answer(resolver: Asks, name: str, kind: str) -> Answer:
    answer = await resolver.ask(name, kind)
    if not answer.exists:
        raise Permanent(f"There is no domain {name}.", status="5.1.2")
    return answer


def _possible(address: str) -> bool:
    """Whether a mail host can be there: a host may name any address, and 0.0.0.0 would be ourselves."""
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_multicast or parsed.is_unspecified)
