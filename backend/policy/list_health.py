"""Is a DNS list alive and sane? The test points of RFC 5782 §5, asked anew each time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.errors import Temporary
from backend.policy.dnslist import SILENT, DnsList, Found
from backend.policy.list_questions import put
from backend.resolver.answer import Asks
from backend.store import dnslists

_LISTED, _UNLISTED = "127.0.0.2", "127.0.0.1"
_LISTED_6, _UNLISTED_6 = "::ffff:7f00:2", "::ffff:7f00:1"
_DOMAIN, _NO_DOMAIN = "test", "invalid"
_CHECKS_AT_ONCE = 50  # questions about our own addresses


@dataclass(frozen=True, slots=True)
class Health:
    """`trouble`: why the list must not be believed; empty when it is well."""

    trouble: str
    listed: str  # what the point that must be listed answered
    unlisted: str  # and those that must not


async def test(one: DnsList, resolver: Asks, seconds: float) -> Health:
    """Ask for the points that must be listed and for those that must not; one of each is enough to be alive."""
    must, must_not = _points(one)
    wanted = [ask(one, what, resolver, seconds) for what in (*must, *must_not)]
    answers = await asyncio.gather(*wanted)
    listed, unlisted = answers[: len(must)], answers[len(must) :]
    return Health(_trouble(listed, unlisted), _shown(listed), _shown(unlisted))


async def own_addresses_on(
    some: Iterable[DnsList], addresses: Sequence[str], resolver: Asks, seconds: float
) -> tuple[dict[tuple[str, str], str], list[tuple[str, str]]]:
    """(zone, address) -> words of our addresses that black lists have; and all (zone, address) that were answered."""
    found: dict[tuple[str, str], str] = {}
    answered: list[tuple[str, str]] = []
    turns = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def look(one: DnsList, address: str) -> None:
        async with turns:
            answer = await ask(one, address, resolver, seconds)
        if answer.state in ("listed", "clear"):
            answered.append((one.zone, address))
        if answer.state == "listed":
            found[one.zone, address] = one.reason(address, answer)

    pairs = [(one, address) for one in some if not one.white for address in addresses if _is_about(one, address)]
    await asyncio.gather(*(look(one, address) for one, address in pairs))
    return found, answered


def _is_about(one: DnsList, address: str) -> bool:
    return ("ipv6" if ":" in address else "ipv4") in one.about


def _points(one: DnsList) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if "ipv4" in one.about:
        return (one.settings.test or _LISTED,), (_UNLISTED, *((_UNLISTED_6,) if "ipv6" in one.about else ()))
    if "ipv6" in one.about:
        return (one.settings.test or _LISTED_6,), (_UNLISTED_6,)
    return (one.settings.test or _DOMAIN,), (_NO_DOMAIN,)


def _trouble(listed: Sequence[Found], unlisted: Sequence[Found]) -> str:
    every = (*listed, *unlisted)
    if wrong := [found for found in every if found.state == "error"]:
        return wrong[0].words
    if any(found.codes for found in unlisted):
        return "it lists everybody"
    if all(found.state == "silent" for found in every):
        return dnslists.SILENT
    if any(found.state == "silent" for found in listed):
        return "it does not answer every question"
    if not any(found.codes for found in listed):
        return "it lists nobody"
    return ""


def _shown(some: Sequence[Found]) -> str:
    return ", ".join(" ".join(found.codes) or ("no answer" if found is SILENT else "not listed") for found in some)


async def ask(one: DnsList, what: str, resolver: Asks, seconds: float) -> Found:
    """What the list says, `silent` when it does not within that time; nothing is counted or remembered."""
    try:
        async with asyncio.timeout(seconds):
            return await put(one, what, resolver)
    except (Temporary, TimeoutError):
        return SILENT
