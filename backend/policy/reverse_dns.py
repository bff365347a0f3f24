"""Reverse DNS: the address of another mail host must have a name, and the name lead back to it (RFC 8601 §3, iprev).

The look-ups begin when the client connects and are decided at RCPT. A name server that fails is never a "no".
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from backend.policy.check import Early, Services, Stage, Verdict, defer, reject
from backend.policy.finding import Finding, Result
from backend.policy.ours import desk, ours
from backend.resolver.answer import Asks
from backend.resolver.reverse import verified
from backend.smtp.session import Peer, Session

_NAMES = 5  # of one address that are looked at: an honest host has one or two

Value = Literal["pass", "fail", "permerror", "temperror"]


@dataclass(frozen=True, slots=True)
class Reverse:
    """What an address is called. `value` as RFC 8601 §2.7.3 says: permerror means that it has no name."""

    value: Value
    name: str = ""  # pass: the confirmed one; fail: the one that leads elsewhere
    words: str = ""


async def look_up(resolver: Asks, peer: Peer) -> Reverse:
    """What RFC 8601 §2.7.3 calls it."""
    found = await verified(peer, resolver, _NAMES)
    if found.names:
        return Reverse("pass", found.names[0])
    name = found.claimed[0] if found.claimed else ""
    if not found.whole:
        return Reverse("temperror", name, found.words)
    if not name:
        return Reverse("permerror", words=f"{peer} has no name (PTR)")
    return Reverse("fail", name, f"{name}, the name of {peer}, does not lead back to it")


class ReverseDns:
    """Refuses clients without a name. Own networks, users who logged in and who is vouched for need none."""

    name = "reverse dns"
    stage: Stage = "rcpt"
    begins: Stage = "connect"

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, Reverse] | None:
        """The look-ups; the confirmed name is in `session.host` from then on. None for one of ours."""
        if not services.settings.reverse_dns.enabled or ours(session, services.settings):
            return None
        return self._look_up(session, services)

    async def _look_up(self, session: Session, services: Services) -> Reverse:
        found = await look_up(session.lookups or services.resolver, session.peer)
        if found.value == "pass":
            session.host = found.name
        return found

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.25 without a name (RFC 7372 §3.3), 451 4.7.25 when nobody can say, as the settings want it."""
        if not services.settings.reverse_dns.enabled or ours(session, services.settings):
            return None
        free = desk(session.recipient) or bool(session.mail is not None and session.mail.allowed)
        found: Reverse | None = session.found(NAME) if free else await session.begun(NAME)
        if found is None:
            return None
        session.findings[NAME] = _finding(found, session.peer)
        wanted = services.settings.reverse_dns
        match found.value:
            case "pass":
                return None
            case _ if free:
                return None
            case "temperror":
                text = f"The name of {session.peer} cannot be found at the moment; try again later"
                return defer("dns failure", "4.7.25", text, 451)
            case "permerror" if wanted.missing == "refuse":
                text = f"{session.peer} has no name in the DNS (PTR); mail hosts need one"
                return reject("no name", "5.7.25", text)
            case "fail" if wanted.unconfirmed == "refuse":
                text = f"{session.peer} is called {found.name}, which does not lead back to {session.peer}"
                return reject("unconfirmed name", "5.7.25", text)
        return None


def _finding(found: Reverse, peer: Peer) -> Finding:
    result = Result("iprev", found.value, (("policy.iprev", str(peer)),), found.name or found.words)
    return Finding(found.value, found.words, found.name, (result,))


check: Early = ReverseDns()
NAME = check.name  # for others that want its answer: `await session.begun(NAME)`
