"""What should stand in the DNS for our domains, and what does. It is asked live, in a thread of its own loop: whoever
asks waits for it, with an end, and nobody else does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Annotated

from backend import address, clock
from backend.config import Settings
from backend.errors import BadInput, Temporary
from backend.management.registry import Call, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.dns import DnsCheck, DnsRow, ZoneText
from backend.resolver.resolver import Resolver
from backend.store import accounts
from backend.store.database import Reader
from backend.zone import live, text
from backend.zone.live import Looked
from backend.zone.verdict import STATES
from backend.zone.wanted import Own, Wanted, collect, own_addresses

_DOMAINS = 25  # asked about at once
_SECONDS = 8.0  # for all answers
_TRY, _QUESTION = 1.5, 4.0  # seconds of one try and of one question at the most: a person waits
_KEPT = 15.0  # seconds that an answer serves others who ask the same
_TURNS = 3  # questions at once: a dead name server must not keep all threads of the service
_turns = threading.Semaphore(_TURNS)
_kept: dict[tuple[str, ...], tuple[float, Settings, DnsCheck]] = {}


@action("dns.check", roles=(POSTMASTER, AUDITOR))
def dns_check(
    call: Call,
    domain: Annotated[str, "one of ours; without it all", "place"] = "",
    fresh: Annotated[bool, "ask again, whatever was answered a moment ago"] = False,
) -> DnsCheck:
    """Compare what the DNS says of our domains with what it should."""
    domains, left_out = _domains(call, domain)
    key = tuple(domains)
    kept = _kept.get(key)
    if not fresh and kept is not None and kept[1] is call.settings and time.monotonic() - kept[0] < _KEPT:
        return kept[2]
    if not _turns.acquire(blocking=False):
        raise Temporary("Others are asking the DNS already; try again in a few seconds.")
    try:
        looked = asyncio.run(_look(call, domains))
    finally:
        _turns.release()
    rows = tuple(sorted(_once(looked), key=lambda row: STATES.index(row.state)))
    answer = DnsCheck(rows, clock.rfc3339(clock.now()), left_out)
    if len(_kept) >= 2 * _DOMAINS:
        _kept.clear()
    _kept[key] = (time.monotonic(), call.settings, answer)
    return answer


@action("dns.zone", roles=(POSTMASTER, AUDITOR))
def dns_zone(call: Call, domain: Annotated[str, "one of ours; without it the first", "place"] = "") -> ZoneText:
    """Show what to put into the zone of a domain."""
    name = _domains(call, domain or call.settings.site.domain)[0][0]
    own = Own(name, call.settings, own_addresses(call.settings))
    return ZoneText(name, text.zone(own, _collected(call, own)))


def _domains(call: Call, domain: str) -> tuple[list[str], int]:
    """The domains to ask about, and how many more there are."""
    known = sorted(call.store.read(accounts.own_domains))
    if not domain:
        return known[:_DOMAINS], max(0, len(known) - _DOMAINS)
    name = address.domain(domain)
    if name not in known:
        raise BadInput(f"{name} is not one of our domains; `mailconsole domain list` has them all.")
    return [name], 0


def _collected(call: Call, own: Own) -> list[Wanted]:
    def collected(reader: Reader) -> list[Wanted]:
        return collect(Own(own.domain, own.settings, own.addresses, reader))

    return call.store.read(collected)


async def _look(call: Call, domains: list[str]) -> list[tuple[str, Looked]]:
    dns = call.settings.dns
    times = min(dns.timeout_seconds, _TRY), min(dns.lifetime_seconds, _QUESTION)
    resolver = Resolver(replace(dns, timeout_seconds=times[0], lifetime_seconds=times[1]))
    addresses = own_addresses(call.settings)

    async def one(name: str) -> list[tuple[str, Looked]]:
        own = await live.completed(resolver, Own(name, call.settings, addresses), _SECONDS)
        return [(name, looked) for looked in await live.look(resolver, _collected(call, own), _SECONDS)]

    return [row for some in await asyncio.gather(*map(one, domains)) for row in some]


def _once(some: list[tuple[str, Looked]]) -> list[DnsRow]:
    """Each record once, though all domains want that of the host; it is listed with the domain that it lies in."""
    found: dict[tuple[str, str, str], DnsRow] = {}
    for domain, looked in some:
        wanted = looked.wanted
        key = (wanted.name, wanted.kind, wanted.value)
        if key not in found or wanted.name.endswith(f".{domain}"):
            found[key] = _row(looked, domain)
    return list(found.values())


def _row(looked: Looked, domain: str) -> DnsRow:
    wanted = looked.wanted
    return DnsRow(
        id=f"{domain} {wanted.kind} {wanted.name} {wanted.value}",
        domain=domain,
        purpose=wanted.purpose,
        name=wanted.name,
        kind=wanted.kind,
        state=looked.state,
        words=looked.words,
        wanted=wanted.value,
        found=looked.found,
        why=wanted.why,
        line=" ".join(text.line(wanted).split()) if wanted.value else "",
    )
