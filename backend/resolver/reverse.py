"""The names of a client: those of its reverse DNS that lead back to its address (RFC 8601 §3, `iprev`)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from backend import address
from backend.errors import BadInput, Temporary
from backend.resolver.answer import Asks


@dataclass(frozen=True, slots=True)
class Names:
    """The names that are proved, as A-labels. `whole`: there are no others; else the DNS cannot say so now."""

    names: tuple[str, ...] = ()
    whole: bool = True


async def verified(peer: IPv4Address | IPv6Address, asks: Asks, most: int) -> Names:
    """The names of `peer`; of many, the first `most` are looked at."""
    kind = "A" if peer.version == 4 else "AAAA"
    names: list[str] = []
    whole = True
    try:
        pointers = (await asks.ask(peer.reverse_pointer, "PTR")).records[:most]
    except Temporary:
        return Names(whole=False)
    for pointer in pointers:
        try:
            name = address.domain(str(pointer.target))
            found = await asks.ask(name, kind)
        except BadInput:  # a PTR can hold anything
            continue
        except Temporary:
            whole = False
            continue
        if any(ip_address(str(one.address)) == peer for one in found.records):
            names.append(name)
    return Names(tuple(dict.fromkeys(names)), whole)
