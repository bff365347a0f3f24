"""The lists of our own: who is let in whatever the black lists say, and who is kept out.

An allow rule spares reverse DNS, greylisting and all black lists, ours too. A sender and a HELO name can be forged, so
SPF and DMARC are asked all the same; one about the client itself makes SPF mark where it would refuse. A deny rule
counts when no allow rule and no DNS white list vouches; it never keeps anybody from postmaster and abuse, unless it is
about those addresses themselves. A host of our own networks is asked about nothing, but for a deny rule of its very
address: whoever writes one means that machine.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from backend.policy.check import Check, Services, Stage, Verdict, defer, reject
from backend.policy.ours import at_home, desk, ours
from backend.resolver import reverse
from backend.resolver.reverse import Names
from backend.smtp.session import Session
from backend.store.access import ALLOW, DENY, Rule
from backend.store.access_patterns import Subject

_CLIENT = frozenset({"address", "network", "host"})  # kinds that are about the client itself, and cannot be forged


class Allow:
    """Looks for a rule that vouches for the client, the sender or the recipient."""

    name = "access_allow"
    stage: Stage = "rcpt"
    begins: Stage = "connect"

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, Names | None] | None:
        """The names of the client, where any rule is about names; None where they are not asked for."""
        if _spared(session, services) or services.access.without_hosts:
            return None
        return self._names(session, services)

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """Never refuses; what it finds is `session.mail.allowed`."""
        mail, recipient = session.mail, session.recipient
        assert mail is not None
        assert recipient is not None
        if mail.allowed_here:  # that was about the recipient before
            mail.allowed, mail.allowed_here = "", False
        if _spared(session, services):
            return None
        hosts = await _hosts(session, services)
        rules = await services.access.fitting(_subject(session, hosts, recipient.address.key))
        mail.client_allowed = any(rule.verdict == ALLOW and rule.kind in _CLIENT for rule in rules)
        rule = _first(ALLOW, rules)
        if rule is None:
            return None
        services.access.hit(rule)
        if mail.allowed and rule.kind == "recipient":  # who vouches for all of it is there already
            return None
        mail.allowed, mail.allowed_here = f"rule {rule.id}", rule.kind == "recipient"
        return Verdict("mark", f"rule {rule.id} for <{recipient.address}>") if mail.allowed_here else None

    async def _names(self, session: Session, services: Services) -> Names | None:
        return await _names(session, services) if await services.access.know_hosts() else None


class Deny:
    """Refuses what a rule keeps out."""

    name = "access_deny"
    stage: Stage = "rcpt"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.1 with the rule's number; 451 4.4.3 while a rule may fit the name of a client that is not known."""
        mail, recipient = session.mail, session.recipient
        assert mail is not None
        assert recipient is not None
        if at_home(session, services.settings):
            return await self._contained(session, services)
        if mail.allowed or _spared(session, services):
            return None
        hosts = await _hosts(session, services)
        rules = await services.access.fitting(_subject(session, hosts, recipient.address.key))
        if desk(recipient):
            rules = [rule for rule in rules if rule.kind == "recipient"]
        elif not hosts.whole:
            text = f"The DNS cannot say now what {session.peer} is called, which decides here; try again later"
            return defer("name unknown", "4.4.3", text, code=451)
        rule = _first(DENY, rules)
        if rule is None:
            return None
        services.access.hit(rule)
        text = f"{_refused(rule, session)} (rule {rule.id} of our access list)"
        return replace(reject(rule.kind, "5.7.1", text), rule=rule.id)

    async def _contained(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.1 for a host of ours that a rule names; whoever has logged in there makes no difference."""
        recipient = session.recipient
        assert recipient is not None
        if not services.settings.access.enabled or desk(recipient):
            return None
        rules = await services.access.fitting(Subject(session.peer))
        rule = next((rule for rule in rules if rule.verdict == DENY and rule.kind == "address"), None)
        if rule is None:
            return None
        services.access.hit(rule)
        text = f"{session.peer} may not send mail now, ask our postmaster (rule {rule.id} of our access list)"
        return replace(reject("contained", "5.7.1", text), rule=rule.id)


class Whole:
    """Before the message itself comes: what vouched for one recipient does not vouch for the message to all."""

    name = "access_allow"
    stage: Stage = "data"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """Never refuses."""
        mail = session.mail
        assert mail is not None
        if mail.allowed_here:
            hosts = await _hosts(session, services)
            rule = _first(ALLOW, await services.access.fitting(_subject(session, hosts)))
            mail.allowed, mail.allowed_here = "" if rule is None else f"rule {rule.id}", False
        return None


def _spared(session: Session, services: Services) -> bool:
    """Whether no rule is asked about it."""
    return not services.settings.access.enabled or ours(session, services.settings)


def _first(verdict: str, rules: list[Rule]) -> Rule | None:
    return next((rule for rule in rules if rule.verdict == verdict), None)


def _subject(session: Session, hosts: Names, recipient: str | None = None) -> Subject:
    mail = session.mail
    assert mail is not None
    sender = "<>" if mail.sender is None else mail.sender.key
    return Subject(session.peer, hosts.names, session.helo, sender, recipient)


async def _hosts(session: Session, services: Services) -> Names:
    """The names of the client, where any rule is about names."""
    if not await services.access.know_hosts():
        return Names()
    names: Names | None = await session.begun("access_allow")
    return await _names(session, services) if names is None else names  # None: the first such rule is newer


async def _names(session: Session, services: Services) -> Names:
    asks = session.lookups or services.resolver
    return await reverse.verified(session.peer, asks, services.settings.access.names)


def _refused(rule: Rule, session: Session) -> str:
    """What is wrong, for the sender."""
    mail, recipient = session.mail, session.recipient
    assert mail is not None
    assert recipient is not None
    match rule.kind:
        case "host":
            return f"We take no mail from {session.peer}, by its host name"
        case "domain":
            return f"We take no mail from <{mail.reverse_path}>, by its domain"
        case "sender":
            return f"We take no mail from <{mail.reverse_path}>"
        case "recipient":
            return f"<{recipient.address}> takes no mail from outside"
        case "helo":
            said = f" ({session.helo[:100]})" if session.helo.isascii() else ""
            return f"We take no mail from {session.peer}, by the name that it gives itself{said}"
    return f"We take no mail from {session.peer}"


allow: Check = Allow()
deny: Check = Deny()
whole: Check = Whole()
