"""SPF (RFC 7208): the owner of a domain says which hosts may send for it; what that forbids is refused.

Asked from MAIL on, decided at RCPT. Two names are asked about: the domain of the reverse-path, and the one in HELO,
which stands for both when the reverse-path is <>.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from backend.config import Settings
from backend.policy.check import Services, Stage, Verdict, defer, reject
from backend.policy.finding import Finding, Result
from backend.policy.ours import desk, ours
from backend.policy.spf_query import Checker, Outcome
from backend.resolver.answer import Asks
from backend.smtp.session import Session

_EXPLANATION = 200  # characters of what a domain says for itself
_UNSAFE = re.compile(r"[^\x21-\x7e]+")

_checker = Checker()  # one a process: verdicts are kept while the resolver keeps the answers that they rest on


@dataclass(frozen=True, slots=True)
class Found:
    """What SPF says of one message. `helo` is None where it is the same question as `mail`."""

    mail: Outcome
    helo: Outcome | None


class Spf:
    """Refuses what the sender's own domain says is not from it."""

    name = "spf"
    stage: Stage = "rcpt"
    begins: Stage = "mail"

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, Found] | None:
        """The outcomes; None for a client that is not asked."""
        settings, mail = services.settings, session.mail
        if not settings.spf.enabled or mail is None or exempt(session, settings):
            return None
        return found(
            session.lookups or services.resolver,
            str(session.peer),
            mail.reverse_path,
            session.helo,
            settings.spf.seconds,
        )

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.23 for a fail, 451 4.7.24 when the DNS cannot say now, as the settings want it. Mail for the desk
        that the refusals name is only marked.
        """
        mail = session.mail
        assert mail is not None
        known: Found | None = await session.begun(self.name)
        if known is None:
            return None
        mail.findings[self.name] = finding(known)
        if mail.client_allowed or desk(session.recipient):
            return None
        return self._verdict(known, session, services.settings)

    def _verdict(self, known: Found, session: Session, settings: Settings) -> Verdict | None:
        spf, mail, helo = settings.spf, known.mail, known.helo
        if mail.value == "fail" and spf.fail == "reject":
            text = f"SPF: {session.peer} may not send for {mail.domain}{_said(mail)}"
            return reject("fail", "5.7.23", text)
        if mail.value == "permerror" and spf.permerror == "reject":
            return reject("permerror", "5.7.24", f"SPF: the record of {mail.domain} is faulty: {_safe(mail.problem)}")
        if mail.value == "temperror" and spf.temperror == "defer":
            return defer("temperror", "4.7.24", f"SPF: the DNS does not answer for {mail.domain}; try again", 451)
        if helo is not None and helo.value == "fail" and mail.value != "pass" and spf.fail == "reject":
            text = f"SPF: {session.peer} may not call itself {helo.domain}{_said(helo)}"
            return reject("helo", "5.7.23", text)
        return None


def exempt(session: Session, settings: Settings) -> bool:
    """Whether a client is not asked: one of ours, or one who forwards mail to us with the sender as it was."""
    return ours(session, settings) or any(session.peer in network for network in settings.spf.trusted_forwarders)


async def found(asks: Asks, address: str, reverse_path: str, helo: str, seconds: float) -> Found:
    """What SPF says of a client, its reverse-path (empty for <>) and its HELO."""
    known = (_checker.kept(asks, address, reverse_path, helo), _checker.kept(asks, address, "", helo))
    if known[0] is not None and known[1] is not None:  # the usual case: no task is made for it
        return Found(known[0], known[1] if reverse_path else None)
    if not reverse_path:
        return Found(await _checker.check(asks, address, "", helo, seconds), None)
    mail, named = await asyncio.gather(
        _checker.check(asks, address, reverse_path, helo, seconds), _checker.check(asks, address, "", helo, seconds)
    )
    return Found(mail, named)


def finding(known: Found) -> Finding:
    """For the trace and Authentication-Results (RFC 8601 §2.7.2)."""
    mail, helo = known.mail, known.helo
    results = [Result("spf", mail.value, (("smtp.helo" if helo is None else "smtp.mailfrom", mail.domain),))]
    if helo is not None and helo.value != "none":
        results.append(Result("spf", helo.value, (("smtp.helo", helo.domain),)))
    return Finding(mail.value, _safe(mail.problem), mail.domain, tuple(results))


def _said(outcome: Outcome) -> str:
    """The domain's explanation, said to be its own (RFC 7208 §6.2, §11.5)."""
    words = _safe(outcome.explanation)
    return f"; {outcome.domain} explains: {words}" if words else ""


def _safe(text: str) -> str:
    """Text of a stranger's zone on one line of plain ASCII."""
    return " ".join(_UNSAFE.sub(" ", text).split())[:_EXPLANATION]


check = Spf()
