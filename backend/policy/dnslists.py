"""DNS lists as checks: white lists vouch for a client, black lists refuse it (RFC 5782, RFC 8904).

All lists about the client are asked at once when it connects, those about its HELO and sender at MAIL; RCPT decides.
The weights of all lists of a kind add up. A list that is dead, off or says nonsense lists nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Iterable
from typing import Any

from backend.policy import reverse_dns
from backend.policy.check import Early, Services, Stage, Verdict, reject
from backend.policy.dnslist import CLEAR, DnsList, Found
from backend.policy.finding import Finding, Result
from backend.policy.ours import desk, ours
from backend.smtp.session import MailTransaction, Session

_DOMAIN = re.compile(r"(?=.{4,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+")
_SHOWN = 3  # lists named in a refusal

Asked = dict[tuple[DnsList, str], "Found | asyncio.Task[Found]"]  # list, address or domain -> what it says or will
Hits = list[tuple[DnsList, str, Found]]


class WhiteLists:
    """Vouches for clients on white lists; begins the questions to black ones too."""

    name = "dns white lists"
    stage: Stage = "rcpt"
    begins: Stage = "connect"

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, Asked] | None:
        """Every list about addresses and host names, at once; None for one of ours."""
        if not services.lists.all or ours(session, services.settings):
            return None
        return self._ask(session, services)

    async def _ask(self, session: Session, services: Services) -> Asked:
        asked: Asked = {}
        await services.standing.ready()
        peer = str(session.peer)
        for one in services.lists.awake:
            if one.asks_about(session.peer):
                asked[one, peer] = _ask(one, peer, services)
            if "host" in one.about:
                asked[one, ""] = asyncio.ensure_future(_about_host(one, session, services))
        return asked

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """Sets `mail.allowed` to the list that vouches; refuses nobody."""
        mail = session.mail
        assert mail is not None
        if not services.lists.all or mail.allowed or ours(session, services.settings):
            return None
        hits = await _hits(await session.begun(WHITE) or {}, session, services, white=True)
        if _weight(hits) >= services.settings.dnslists.threshold:
            one, what, found = max(hits, key=lambda hit: hit[2].weight)
            mail.allowed = one.zone
            properties = (("dns.zone", one.zone), ("policy.ip", found.codes[0]))
            result = Result("dnswl", "pass", properties)
            session.findings[WHITE] = Finding("listed", f"{what} is listed in {one.zone}", what, (result,))
        else:
            session.findings[WHITE] = Finding("clear")
        return None


class BlackLists:
    """Refuses clients, and senders of domains, on black lists."""

    name = "dns black lists"
    stage: Stage = "rcpt"
    begins: Stage = "mail"

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, Asked] | None:
        """Lists about domains: the HELO's and the sender's; None for one of ours."""
        if not services.lists.all or session.mail is None or ours(session, services.settings):
            return None
        return self._ask(session, session.mail, services)

    async def _ask(self, session: Session, mail: MailTransaction, services: Services) -> Asked:
        asked: Asked = {}
        sender = mail.sender.domain if mail.sender is not None else ""
        for one in services.lists.awake:
            for part, domain in (("sender", sender), ("helo", session.helo.lower().rstrip("."))):
                if part in one.about and _DOMAIN.fullmatch(domain) and (one, domain) not in asked:
                    asked[one, domain] = _ask(one, domain, services)
        return asked

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.1 with the list, what it says and where to ask."""
        mail = session.mail
        assert mail is not None
        if not services.lists.all or mail.allowed or ours(session, services.settings) or desk(session.recipient):
            return None
        asked = {**(await session.begun(WHITE) or {}), **(await session.begun(BLACK) or {})}
        hits = await _hits(asked, session, services, white=False)
        weight = _weight(hits)
        words = "; ".join(one.reason(what, found) for one, what, found in hits[:_SHOWN])
        silent = any(_said(one).state in ("silent", "error") for (kind, _), one in asked.items() if not kind.white)
        value = "listed" if weight > 0 else "unknown" if silent else "clear"
        mail.findings[BLACK] = Finding(value, words, hits[0][1] if hits else "")
        if weight < services.settings.dnslists.threshold:
            return None
        return reject("listed", "5.7.1", f"Not accepted: {words}")


def _ask(one: DnsList, what: str, services: Services) -> Found | asyncio.Task[Found]:
    """What the list says, at once where the answer is at hand."""
    found = services.lists.at_hand(one, what, services.resolver)
    return found or asyncio.ensure_future(services.lists.ask(one, what, services.resolver))


def _said(one: Found | asyncio.Task[Found]) -> Found:
    return one if isinstance(one, Found) else one.result()


async def _about_host(one: DnsList, session: Session, services: Services) -> Found:
    """What a list says of the client's confirmed name; clear when it has none in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(services.settings.dnslists.timeout_seconds):
            await session.begun(reverse_dns.NAME)
    if not session.host:
        return CLEAR
    return await services.lists.ask(one, session.host, services.resolver)


async def _hits(asked: Asked, session: Session, services: Services, *, white: bool) -> Hits:
    """The lists of this kind that list it, each once, the heaviest first. Waits for no others. What has gone off
    since it was asked does not count.
    """
    wanted = [(one, what, said) for (one, what), said in asked.items() if one.white is white]
    if pending := [said for _, _, said in wanted if not isinstance(said, Found) and not said.done()]:
        await asyncio.wait(pending)
    answers = [(one, what or session.host, _said(said)) for one, what, said in wanted]
    off = services.standing.off
    hits = [hit for hit in answers if hit[2].state == "listed" and hit[0].zone not in off]
    hits.sort(key=lambda hit: hit[2].weight)
    heaviest = {one.zone: (one, what, found) for one, what, found in hits}
    return sorted(heaviest.values(), key=lambda hit: -hit[2].weight)


def _weight(hits: Iterable[tuple[DnsList, str, Found]]) -> float:
    return sum(found.weight for _, _, found in hits)


white: Early = WhiteLists()
black: Early = BlackLists()
WHITE, BLACK = white.name, black.name
