"""Who decides for this sender? The rules that fit, in the order in which they are asked, in words."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from backend import address
from backend.config import Settings
from backend.errors import BadInput
from backend.management.actions.access import row_of
from backend.management.registry import Call, action
from backend.management.roles import EVERYBODY
from backend.management.snapshots.access import AccessDecision, AccessStep
from backend.policy.ours import DESKS
from backend.store import access, accounts
from backend.store.access import ALLOW, DENY, Rule
from backend.store.access_patterns import Peer, Subject
from backend.store.database import Reader

_MOST = 100  # rules in an answer
_LATER = "asked when the mail comes"
_SPARED = "reverse DNS, black lists of the DNS, greylisting"


@action("access.check", roles=EVERYBODY)
def access_check(
    call: Call,
    ip: Annotated[str | None, "the client's address"] = None,
    name: Annotated[str | None, "its host name, as its reverse DNS says and its forward DNS confirms"] = None,
    helo: Annotated[str | None, "the name it says in HELO"] = None,
    sender: Annotated[str | None, "the address in MAIL FROM; <> for none"] = None,
    recipient: Annotated[str | None, "the address in RCPT TO"] = None,
) -> AccessDecision:
    """Say which rule decides for a sender, and which others fit behind it; nothing is changed or counted."""
    subject = _subject(ip, name, helo, sender, recipient)
    if not any(subject.parts()):
        return AccessDecision("none", "Whom is it about? Say ip, name, helo, sender or recipient.", None, (), ())

    def decide(reader: Reader) -> AccessDecision:
        fitting = access.fitting(reader, subject)
        heard = _heard(reader, subject.recipient)
        return _decision(call.settings, subject, fitting, heard)

    return call.store.read(decide)


def _subject(ip: str | None, host: str | None, helo: str | None, sender: str | None, recipient: str | None) -> Subject:
    return Subject(
        _peer(ip) if ip else None,
        (address.domain(host.strip()),) if host else (),
        helo.strip() if helo else None,
        None if sender is None else "<>" if sender.strip() in ("", "<>") else address.parse(sender.strip()).key,
        address.parse(recipient.strip()).key if recipient else None,
    )


def _peer(written: str) -> Peer:
    try:
        found = ipaddress.ip_address(written.strip().strip("[]").partition("%")[0])
    except ValueError:
        raise BadInput(f"{written[:60]!r} is no address of a client, as 192.0.2.7 or 2001:db8::7.") from None
    return getattr(found, "ipv4_mapped", None) or found


def _heard(reader: Reader, recipient: str | None) -> bool:
    """Whether it is postmaster or abuse of ours, from whom no list keeps anybody away."""
    local, _, domain = (recipient or "").rpartition("@")
    return local in DESKS and domain in accounts.own_domains(reader)


def _decision(settings: Settings, subject: Subject, fitting: list[Rule], heard: bool) -> AccessDecision:
    rows = [row_of(rule) for rule in fitting]
    alive = {row.id for row in rows if not row.over}
    allow = next((rule for rule in fitting if rule.verdict == ALLOW and rule.id in alive), None)
    denying = [rule for rule in fitting if rule.verdict == DENY and rule.id in alive]
    deny = next((rule for rule in denying if not heard or rule.kind == "recipient"), None)
    order = {ALLOW: 0, DENY: 1}
    shown = tuple(sorted(rows, key=lambda row: (row.over, order[row.verdict], row.id))[:_MOST])
    home = next((one for one in settings.relay.networks if subject.peer is not None and subject.peer in one), None)
    contained = next((rule for rule in denying if rule.kind == "address"), None)
    if home is not None and settings.access.enabled and contained is not None and not heard:
        sentence = f"Refused by {_named(contained)}: a host of ours is kept from sending by no other kind of rule."
        words = f"{_named(contained)} decides: {contained.reason}"
        return AccessDecision(DENY, sentence, contained.id, (AccessStep("our deny rules", "decides", words),), shown)
    if home is not None or not settings.access.enabled:
        why = f"{subject.peer} is of ours ([relay] networks)" if home is not None else "[access] enabled is false"
        sentence = f"No rule is asked: {why}."
        return AccessDecision("ours", sentence, None, (AccessStep("our rules", "nothing", sentence),), shown)
    decides = allow or deny
    return AccessDecision(
        "none" if decides is None else decides.verdict,
        _sentence(allow, deny, subject),
        None if decides is None else decides.id,
        _steps(allow, deny, len(denying) if deny is None else 0, subject),
        shown,
    )


def _sentence(allow: Rule | None, deny: Rule | None, subject: Subject) -> str:
    if allow is not None:
        only = f" Only mail to {subject.recipient}." if allow.kind == "recipient" else ""
        return f"Let in past all black lists by {_named(allow)}.{only}"
    if deny is not None:
        return f"Refused by {_named(deny)}, unless a white list of the DNS vouches."
    return "No rule of ours decides; the lists of the DNS and the other checks do."


def _steps(allow: Rule | None, deny: Rule | None, spared: int, subject: Subject) -> tuple[AccessStep, ...]:
    unnamed = "" if subject.hosts else " Without a host name, rules about host names are not looked at."
    if allow is not None:
        vouched = f"not asked: rule {allow.id} vouches"
        steps = [
            AccessStep("our allow rules", "decides", f"{_named(allow)} decides: {allow.reason}"),
            AccessStep("white lists of the DNS", "nothing", vouched),
        ]
    else:
        vouched = _LATER
        steps = [
            AccessStep("our allow rules", "nothing", f"none fits.{unnamed}"),
            AccessStep("white lists of the DNS", "later", f"{_LATER}; what they vouch for passes the next two steps"),
        ]
    if deny is not None:
        words = f"{_named(deny)} decides: {deny.reason}" if allow is None else f"{_named(deny)} would refuse it"
        steps.append(AccessStep("our deny rules", "decides" if allow is None else "fits", words))
    elif spared:
        words = f"{spared} would fit, but postmaster and abuse hear everybody"
        steps.append(AccessStep("our deny rules", "nothing", words))
    else:
        steps.append(AccessStep("our deny rules", "nothing", f"none fits.{unnamed}"))
    refused = deny is not None and allow is None
    rest = "not reached" if refused else vouched
    steps.append(AccessStep(_SPARED, "later" if rest == _LATER else "nothing", rest))
    last = "not reached" if refused else f"{_LATER}, whatever the lists say"
    steps.append(AccessStep("SPF, DKIM, DMARC", "nothing" if refused else "later", last))
    return tuple(steps)


def _named(rule: Rule) -> str:
    return f"rule {rule.id} ({rule.verdict} {rule.kind} {rule.what}, by {rule.owner})"
