"""How many may be connected at once: in all, from one address, and before they have logged in.

Who is not logged in yet has no right to stay: a newcomer who finds their places taken pushes one of them out, by
chance and from the address that has the most. So a flood of connections that never log in keeps nobody out.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Protocol

from backend.limits import Limits


class Guest(Protocol):
    """A connection. `network` is what it is counted by."""

    network: str

    def drop(self) -> None:
        """Hang up; does not wait."""


def network_of(address: str) -> str:
    """The address; of IPv6 its /64, which one customer has whole."""
    found = ip_address(address.partition("%")[0])
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


class Admission:
    """Counts guests; may be called from any thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._outside: list[Guest] = []  # not logged in yet
        self._inside: list[Guest] = []

    def enter(self, guest: Guest) -> bool:
        """Let one in, or not. May push out another who has not logged in."""
        with self._lock:
            if len(self._inside) >= self.limits.ssh_connections:
                return False
            if sum(one.network == guest.network for one in self._inside) >= self.limits.ssh_connections_per_ip:
                return False
            counts = Counter(one.network for one in self._outside)
            pushed: Guest | None = None
            if counts[guest.network] >= self.limits.ssh_half_open_per_ip:
                pushed = random.choice([one for one in self._outside if one.network == guest.network])  # noqa: S311
            elif len(self._outside) >= self.limits.ssh_half_open:
                most = max(counts.values())
                pushed = random.choice([one for one in self._outside if counts[one.network] == most])  # noqa: S311
            if pushed is not None:
                self._outside.remove(pushed)
            self._outside.append(guest)
        if pushed is not None:
            pushed.drop()
        return True

    def logged_in(self, guest: Guest) -> bool:
        """One of those has logged in. False when it was pushed out meanwhile."""
        with self._lock:
            if guest not in self._outside:
                return False
            self._outside.remove(guest)
            self._inside.append(guest)
            return True

    def leave(self, guest: Guest) -> None:
        """One is gone."""
        with self._lock:
            for some in (self._outside, self._inside):
                if guest in some:
                    some.remove(guest)
