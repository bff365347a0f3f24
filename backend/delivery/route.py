"""The way a message leaves: a route of the settings, the smart host, or the MX of its domain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backend.config import HostPort, Settings


@dataclass(frozen=True, slots=True)
class Hop:
    """The next hop. Entries with the same hop share connections. `to` is None when DNS knows."""

    domain: str  # that DNS is asked for; empty with `to`
    to: HostPort | None = None
    tls: str = "may"  # may, must, wrapped
    user: str = ""
    password_file: Path | None = None
    need: str = ""  # what the messages ask (RFC 8689): `required` or `optional` TLS, or nothing


def hop(domain: str, settings: Settings) -> Hop:
    """Where mail for `domain` goes next. The most exact route wins; `.remote.test` is for what is below it."""
    relay = settings.relay
    best = ""
    to: HostPort | None = None
    for route in relay.route:
        fits = domain == route.domain or (route.domain.startswith(".") and domain.endswith(route.domain))
        if fits and len(route.domain) > len(best):
            best, to = route.domain, route.to
    if to is not None:
        return Hop("", to)
    if relay.smarthost is not None:
        return Hop("", relay.smarthost, relay.smarthost_tls, relay.smarthost_user, relay.smarthost_password_file)
    return Hop(domain)
