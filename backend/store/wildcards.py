"""Patterns with `*` for anything, as rules about addresses and names have them; and networks, as they are written."""

from __future__ import annotations

import ipaddress

from backend.errors import BadInput

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = 96  # bits in front of an IPv4 address that is written as IPv6 (RFC 4291 §2.5.5.2)


def fits(pattern: str, text: str) -> bool:
    """Whether the text is what the pattern says. Each part is looked for once, from the left."""
    first, *middle = pattern.split("*")
    if not middle:
        return text == pattern
    last = middle.pop()
    place, end = len(first), len(text) - len(last)
    if place > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def network(written: str) -> Network:
    """`192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`; bits behind the mask are dropped. BadInput when it is none."""
    try:
        found = ipaddress.ip_network(written.strip().strip("[]"), strict=False)
    except ValueError:
        raise BadInput(f"{written[:60]!r} is no network; write it as 192.0.2.7 or 192.0.2.0/24.") from None
    if isinstance(found, ipaddress.IPv6Network):
        if found.network_address.scope_id is not None:
            raise BadInput(f"{written[:60]!r} has a zone, which is of no meaning on other hosts.")
        mapped = found.network_address.ipv4_mapped
        if mapped is not None and found.prefixlen >= _MAPPED:  # clients that come this way count as IPv4
            return ipaddress.ip_network((mapped, found.prefixlen - _MAPPED), strict=False)
    return found
