"""What would hold for mail to a domain now, found out and changed nothing: for people who ask."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from backend import tls
from backend.config import Settings
from backend.delivery.route import hop
from backend.delivery.trust.demand import Demands, Unfit
from backend.delivery.trust.policies import NOTHING, Found, Policies, Window
from backend.errors import MailError
from backend.resolver.mail_hosts import Host, mail_hosts
from backend.resolver.resolver import Resolver
from backend.store.database import Store


@dataclass(frozen=True, slots=True)
class Seen:
    """One host at one address. `level` as in `demand`, or `unfit` with the reason."""

    name: str
    address: str
    level: str
    asked_by: str
    reason: str = ""
    records: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """All of it. `trouble` is a sentence when no host could be looked at."""

    exception: str = ""
    policy: Found = NOTHING
    hosts: tuple[Seen, ...] = ()
    trouble: str = ""


async def look(settings: Settings, store: Store, domain: str, seconds: float) -> Look:
    """What holds for the domain; what is not known after so many seconds is said to be not known."""
    try:
        async with asyncio.timeout(seconds):
            return await _look(settings, store, domain, seconds / 2)
    except TimeoutError:
        return Look(trouble=f"It took too long to find out what {domain} asks; ask again.")


async def _look(settings: Settings, store: Store, domain: str, seconds: float) -> Look:
    resolver = Resolver(settings.dns)
    ca_file = settings.outbound.ca_file
    policies = Policies(
        Window(store),
        resolver,
        seconds=min(seconds, settings.outbound.policy_seconds),
        context=lambda: tls.client_context(verify=True, ca_file=ca_file),
    )
    demands = Demands(settings, resolver, policies)
    to = hop(domain, settings)
    exception = demands.exception(domain)
    if to.to is not None:
        words = {"may": "encrypted when that works", "must": "with a valid certificate", "wrapped": "in TLS"}[to.tls]
        return Look(exception, trouble=f"Mail to {domain} goes to {to.to}, as the settings say, {words}.")
    found = NOTHING
    try:
        found = await demands.policy(to)
        hosts = await mail_hosts(resolver, domain, settings.site.hostname)
    except MailError as error:
        return Look(exception, found, trouble=str(error))
    port = settings.delivery.port

    async def seen(host: Host) -> Seen:
        try:
            demand = await demands.of(to, host, port, found)
        except Unfit as error:
            return Seen(host.name, host.address, "unfit", error.why, str(error))
        records = tuple(map(str, demand.records))
        return Seen(host.name, host.address, demand.level, demand.why, "", records, demand.names)

    return Look(exception, found, tuple(await asyncio.gather(*map(seen, hosts))))
