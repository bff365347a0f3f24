"""Black lists of hosts that mail links to (RFC 5782 §3): they give points, and refuse nobody.

The lists are those of [dnslists] that are about `url` (the registrable domain of a host), `url_host` (its whole name)
or `url_ip` (a bare address). Our own domains and the largest services are not asked about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from backend.config import Spam
from backend.content.scorer import Opinion
from backend.content.spam import links
from backend.content.spam.big_domains import BIG
from backend.policy.dmarc.domains import organisational
from backend.policy.dnslist import DnsList, Found

Asks = Callable[[DnsList, str], Awaitable[Found]]  # never raises, and ends within the time of a list
Own = Callable[[str], Awaitable[bool]]
_SHOWN = 3  # things that are named of one list


@dataclass(frozen=True, slots=True)
class Look:
    """A host of a message, and what of it is looked up in which kind of list."""

    host: str
    kinds: tuple[tuple[str, str], ...]  # ("url", "example.net"), ("url_host", "www.example.net")


async def ask(
    some: Sequence[DnsList], hosts: Iterable[str], settings: Spam, ask_list: Asks, own: Own
) -> tuple[Opinion, ...]:
    """What each list says of all hosts, all asked at once."""
    if not some:
        return ()
    looks = await looked_up(hosts, settings, own)
    found = await asyncio.gather(*(_one(one, looks, settings, ask_list) for one in some))
    return _bounded(found, settings.url_most)


async def looked_up(hosts: Iterable[str], settings: Spam, own: Own) -> list[Look]:
    """The hosts that lists are asked about, and by what names."""
    skipped = BIG | set(settings.url_skip)
    looks: dict[str, Look] = {}
    for host in hosts:
        look = _look(host)
        domain = look.kinds[0][1] if look else ""
        if look is None or domain in skipped or host in skipped or await own(domain) or await own(host):
            continue
        looks[host] = look
    return [looks[host] for host in links.some(looks, settings.url_hosts)]


def _look(host: str) -> Look | None:
    try:
        address = ip_address(host)
    except ValueError:
        domain = organisational(host)
        return Look(host, (("url", domain), ("url_host", host))) if "." in domain else None
    if not isinstance(address, IPv4Address) or not address.is_global:
        return None  # nobody lists what is nobody's
    return Look(host, (("url_ip", host),))


async def _one(one: DnsList, looks: Sequence[Look], settings: Spam, ask_list: Asks) -> Opinion:
    names = list(dict.fromkeys(what for look in looks for kind, what in look.kinds if kind in one.about))
    answers = await asyncio.gather(*(ask_list(one, what) for what in names))
    listed = [(what, found) for what, found in zip(names, answers, strict=True) if found.state == "listed"]
    faults = [found for found in answers if found.state in ("error", "silent")]
    if not listed and faults:
        return Opinion(one.zone, "failed", words=faults[0].words)
    if not listed:
        return Opinion(one.zone, "clear", words=f"it has none of {len(names)}" if names else "there is nothing to ask")
    heaviest = max(found.weight for _, found in listed)
    said = ", ".join(dict.fromkeys(found.words for _, found in listed[:_SHOWN] if found.words))
    words = f"a link leads to what {one.zone} has{f': {said}' if said else ''}"
    return Opinion(one.zone, "scored", round(heaviest * settings.url_points, 2), words)


def _bounded(opinions: Sequence[Opinion], most: float) -> tuple[Opinion, ...]:
    """Together no more than `most` points: the first lists of the settings count first."""
    left, kept = most, list[Opinion]()
    for one in opinions:
        points = min(left, one.points)
        left = round(left - points, 2)
        kept.append(Opinion(one.scorer, one.outcome, points, one.words, one.said, one.milliseconds))
    return tuple(kept)
