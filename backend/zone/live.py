"""What stands in the DNS now, beside what should: asked all at once, with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from backend.errors import MailError, Temporary
from backend.resolver.answer import Asks
from backend.resolver.mail_hosts import addresses
from backend.zone.verdict import STATES, State, Verdict
from backend.zone.wanted import Own, Wanted

_FOUND = 10  # records shown of one name
_LONGEST = 1_000  # characters of one


@dataclass(frozen=True, slots=True)
class Looked:
    """One record: what should be, what is, and how well they fit."""

    wanted: Wanted
    found: tuple[str, ...]
    state: State
    words: str


async def completed(resolver: Asks, own: Own, seconds: float) -> Own:
    """With the addresses that the name of the host leads to, when nothing better is known."""
    if own.addresses:
        return own
    try:
        async with asyncio.timeout(seconds):
            found = await addresses(resolver, own.hostname)
    except (MailError, TimeoutError):
        return own
    return replace(own, addresses=tuple(host.address for host in found))


async def look(resolver: Asks, wanted: Iterable[Wanted], seconds: float) -> list[Looked]:
    """All of them, what needs attention first. What is not answered in that time is unknown."""
    end = asyncio.get_running_loop().time() + seconds
    looked = await asyncio.gather(*(_one(resolver, one, end) for one in wanted))
    return sorted(looked, key=lambda one: STATES.index(one.state))


async def _one(resolver: Asks, wanted: Wanted, end: float) -> Looked:
    try:
        async with asyncio.timeout_at(end):
            answer = await resolver.ask(wanted.name, wanted.kind)
    except Temporary as error:
        return Looked(wanted, (), "unknown", str(error))
    except TimeoutError:
        return Looked(wanted, (), "unknown", "The DNS took too long to answer.")
    found = tuple(_shown(record) for record in answer.records[:_FOUND])
    verdict = wanted.judge(found) if found else Verdict("missing", "There is no such record.")
    if verdict.state in ("missing", "optional"):
        verdict = Verdict("missing" if wanted.needed else "optional", verdict.words or "There is no such record.")
    return Looked(wanted, found, verdict.state, verdict.words)


def _shown(record: Any) -> str:
    """The data of a record: a text whole, names in small letters without their last dot."""
    if hasattr(record, "strings"):
        return b"".join(record.strings).decode("utf-8", "replace")[:_LONGEST]
    words = str(record.to_text()).split(" ")
    return " ".join(word.lower().rstrip(".") if word.endswith(".") else word for word in words)[:_LONGEST]
