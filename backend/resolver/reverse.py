"""The names of a client: those of its reverse DNS that lead back to its address (RFC 8601 §3, `iprev`)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from backend import address
from backend.errors import BadInput, Temporary
from backend.resolver.answer import Asks

Peer = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Names:
    """The names that are proved, as A-labels. `whole`: there are no others; else the DNS cannot say so now.

    `claimed`: all that the address says it is called, proved or not. `words`: why nobody knows.
    """

    names: tuple[str, ...] = ()
    whole: bool = True
    claimed: tuple[str, ...] = field(default=(), compare=False)
    words: str = field(default="", compare=False)


async def verified(peer: Peer, asks: Asks, most: int) -> Names:
    """The names of `peer`, each looked at once, all at the same time; of many, the first `most`."""
    try:
        pointers = (await asks.ask(peer.reverse_pointer, "PTR")).records[:most]
    except Temporary as error:
        return Names(whole=False, words=str(error))
    claimed = tuple(dict.fromkeys(name for pointer in pointers if (name := _host(str(pointer.target)))))
    one_by_one = [_leads_to(name, peer, asks) for name in claimed]
    answers = [await one for one in one_by_one] if len(claimed) < 2 else await asyncio.gather(*one_by_one)
    failures = [words for _, words in answers if words]
    names = tuple(name for name, (leads, _) in zip(claimed, answers, strict=True) if leads)
    return Names(names, not failures, claimed, failures[0] if failures else "")


def _host(target: str) -> str:
    """The name in A-labels; empty where a PTR holds something else: it can hold anything."""
    try:
        return address.domain(target)
    except BadInput:
        return ""


async def _leads_to(name: str, peer: Peer, asks: Asks) -> tuple[bool, str]:
    """Whether the name has this address, and why nobody knows."""
    try:
        found = await asks.ask(name, "A" if peer.version == 4 else "AAAA")
    except Temporary as error:
        return False, str(error)
    written = str(peer)
    return any(one.address == written or ip_address(one.address) == peer for one in found.records), ""
