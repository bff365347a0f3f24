"""The way in: our own port 25, from an address that is one of our networks where there is one.

From there the checks of strangers (SPF, DNS lists, names, greylisting) are not asked, so that none of them can make a
probe fail; what is inside a letter that plays a stranger's is looked at as a stranger's all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from backend.config import Settings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  where all addresses are listened on, the host's own


@dataclass(frozen=True, slots=True)
class Door:
    """Where to connect, and from which address; empty: the system's choice. `inside`: that may relay through us."""

    address: str
    source: str
    inside: bool


def door(settings: Settings) -> Door | None:
    """The best one; None when no port 25 is open."""
    if not settings.listen.smtp:
        return None
    addresses = [_ANY.get(address, address) for address in settings.listen.addresses]
    for address in addresses:
        for source in (address, "127.0.0.1" if isinstance(ip_address(address), IPv4Address) else "::1"):
            if any(ip_address(source) in network for network in settings.relay.networks):
                return Door(address, source, inside=True)
    return Door(addresses[0], "", inside=False) if addresses else None
