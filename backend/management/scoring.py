"""What every scorer beside our own, and every list of hosts of links, says of a file: for somebody who asks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from backend.management.registry import Call
from backend.management.snapshots.spam import ScorerRow
from backend.store import dnslists

if TYPE_CHECKING:
    from backend.content.scorer import Opinion
    from backend.store.bodies import Body


async def opinions(call: Call, body: Body, hosts: Iterable[str]) -> tuple[Opinion, ...]:
    """All are asked at once, as for a message that nobody has brought. Nothing is counted or noted."""
    from backend.accounts.directory import Directory
    from backend.content.scorer import Envelope
    from backend.content.spam import url_lists
    from backend.content.spam.scorers import Scorers
    from backend.policy.dnslist import DnsList, Found, about_urls, lists
    from backend.policy.list_health import ask
    from backend.resolver.resolver import Resolver
    from backend.store.looking import Looking

    settings = call.settings
    resolver = Resolver(settings.dns)

    async def said(one: DnsList, what: str) -> Found:
        return await ask(one, what, resolver, settings.dnslists.timeout_seconds)

    off = call.store.read(dnslists.off)
    some = [one for one in about_urls(lists(settings.dnslists)) if one.zone not in off]
    with contextlib.closing(Looking.open(settings.site.data, settings.limits)) as looking:
        own = Directory(looking, settings).is_own
        scorers, listed = await asyncio.gather(
            Scorers(settings).ask(body, Envelope(), settings.spam.threshold),
            url_lists.ask(some, hosts, settings.spam, said, own),
        )
    return scorers + listed


def rows(found: Iterable[Opinion]) -> tuple[ScorerRow, ...]:
    """As a client sees them."""
    return tuple(
        ScorerRow(
            one.scorer,
            one.outcome,
            one.points,
            one.said.score if one.said else None,
            one.said.required if one.said else None,
            tuple(name if points is None else f"{name}={points:g}" for name, points in one.said.symbols)
            if one.said
            else (),
            one.words,
            round(one.milliseconds, 2),
        )
        for one in found
    )
