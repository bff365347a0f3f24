"""A sentence for every event of the trace, by its stage and verdict, and by the reason where there is one."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from backend import clock
from backend.management.sentences import checks, statuses, tls
from backend.store.mailboxes import JUNK
from backend.store.trace import Event

# What policy and content refuse for: (check, reason) -> why; and who can do something about it.
REASONS = {
    ("connections", ""): "too many connections were open",
    ("message rate", "message rate"): "{peer} sent too many messages within a minute",
    ("recipient rate", "recipient rate"): "this account wrote to too many people within an hour;"
    " if its owner did not, somebody else has the password",
    ("guesses", "guesses"): "{peer} asked for many recipients who do not exist, as one who guesses does;"
    " its owner must mend the list of addresses",
    ("sender rate", "sender rate"): "{sender} wrote to too many people here within an hour",
    ("jumps", "jump"): "this account writes to far more people than is usual for it, and is slowed down;"
    " if its owner did not, somebody else has the password; `mailconsole rate forgive` lets it go on",
    ("reverse dns", "no name"): "{peer} has no name in the DNS (PTR), which every mail host needs;"
    " its owner must ask the provider for one",
    ("reverse dns", "unconfirmed name"): "the name of {peer} does not lead back to it; its owner must mend the DNS",
    ("reverse dns", "dns failure"): "the name of {peer} could not be looked up",
    ("dns black lists", "listed"): "{peer}, or the domain it writes for, is on a black list, which the reply names;"
    " its owner must ask there, or we can allow it by a rule of our own",
    ("greylist", "new"): "{sender} has never written to {recipient} from there, and must come again in some minutes",
    ("account", "suspended"): "the account was suspended after it had logged in; our postmaster can say why",
    ("sender", "foreign sender"): "whoever logged in may not send as {sender};"
    " the mail program must be set to one's own address",
    ("relay", "relay"): "{recipient} is not one of our addresses, and {peer} may not send to others through us;"
    " people of ours must log in to send, others must use their own mail server",
    ("relay", "routing"): "{recipient} asks us to pass the mail on to somebody else, which we do for nobody",
    ("recipient", "unknown user"): "there is no address {recipient} here; the sender must check the spelling",
    ("spf", "fail"): "the domain of {sender} says that {peer} may not send for it (SPF);"
    " the sender must use the domain's own mail server, or the domain's owner must add this one",
    ("spf", "helo"): "the domain whose name {peer} gave as its own says that it is not (SPF);"
    " the owner of the server must give it its right name",
    ("spf", "permerror"): "the SPF record of the domain of {sender} is faulty; the domain's owner must fix it",
    (
        "spf",
        "temperror",
    ): "the name servers of the domain of {sender} do not answer, so that its SPF record is not known",
    ("access_deny", "address"): "{peer} is on our black list{by}; our postmaster can say why",
    ("access_deny", "network"): "the network of {peer} is on our black list{by}; our postmaster can say why",
    ("access_deny", "host"): "the host name of {peer} is on our black list{by}; our postmaster can say why",
    ("access_deny", "domain"): "the domain of {sender} is on our black list{by}; our postmaster can say why",
    ("access_deny", "sender"): "{sender} is on our black list{by}; our postmaster can say why",
    ("access_deny", "recipient"): "{recipient} takes no mail from outside{by}; our postmaster can say why",
    ("access_deny", "helo"): "the name that {peer} gave itself is on our black list{by}; our postmaster can say why",
    ("access_deny", "contained"): "{peer} is one of our own hosts, and was kept from sending{by}, as a host is that"
    " sends viruses; our postmaster can say why",
    (
        "access_deny",
        "name unknown",
    ): "the DNS could not say what {peer} is called, and our lists have rules about names",
    ("dmarc", "policy"): "the owner of the domain in From asks to refuse mail in its name that nothing proves to be"
    " theirs (DMARC); if the mail is genuine, whoever runs that domain must mend its SPF or DKIM",
    ("dmarc", "author"): "nobody can say who wrote it, for its From is missing, doubled or broken;"
    " the sender's mail program must be corrected",
    ("dmarc", "dns"): "the name servers could not say whether the mail is genuine (DMARC)",
    ("viruses", "infected"): "the message is infected, {engines}; its sender may know nothing of it",
    ("viruses", "engine"): "an engine against viruses that must see every message does not work, {engines};"
    " the service's own people must look after it",
    ("viruses", "unscannable"): "the message holds something that cannot be looked at: it is nested too deeply,"
    " or becomes too much when it is unpacked",
    ("viruses", "refused type"): "a file in the message is of a type that is not taken, for a click would run it;"
    " the sender can send a link in its place",
    ("viruses", "encrypted"): "the message holds an encrypted file, in which no engine can look for viruses;"
    " the sender can send a link in its place",
    ("viruses", "macros"): "the message holds a document with macros, which are not taken;"
    " the sender can save it without them",
    ("size", ""): "the message is larger than we take; the sender can send a link in place of the attachment",
    ("line ends", ""): "the sender's server ends its lines in a way that is not allowed; its owner must fix it",
    ("dkim", "failed"): "no signature of the message is good: it was changed on its way, or somebody forged it;"
    " the sender's mail service must find out why",
    ("loops", "hops"): "the message has passed too many mail hosts, it goes in circles;"
    " whoever forwards this mail must correct where it goes",
    ("loops", "delivered before"): "the same message was delivered to this mailbox before, it goes in circles;"
    " whoever forwards this mail must correct where it goes",
}
_STAGES = {"connect", "helo", "mail", "rcpt", "data"}  # of the dialogue
_AGAIN = "the sender's server tries again by itself"


def step(event: Event, due: float | None = None) -> str:
    """The sentence. `due`: when the entry of this event is tried next, in seconds since 1970; 0 for now."""
    return find(event, due) or f"{event.stage.capitalize()}: {event.verdict}."


def find(event: Event, due: float | None = None) -> str | None:
    """The same; None for an event that nobody has found words for."""
    if event.stage in _STAGES and event.verdict in ("rejected", "deferred"):
        return _refused(event)
    if event.stage == "remote" and event.verdict == "deferred":
        return _waiting(event, due)
    words = _WORDS.get((event.stage, event.verdict))
    return words(event) if words is not None else None


def when(seconds: float, now: float | None = None) -> str:
    """`at 12:10 UTC`; `on 25 November at 12:10 UTC` on another day."""
    time, today = (
        datetime.datetime.fromtimestamp(value, datetime.UTC) for value in (seconds, clock.now() if now is None else now)
    )
    day = "" if time.date() == today.date() else f"on {time.day} {time:%B} "
    return f"{day}at {time:%H:%M} UTC"


def next_try(due: float) -> str:
    """What follows "Waiting: ...;"."""
    return f"the next try is {when(due)}" if due > clock.now() else "it is tried again now"


def address(text: str | None) -> str:
    """An address in a sentence; the null sender has none."""
    return text or "a mail system (no sender address)"


# -- where words depend on more than stage and verdict


def _refused(event: Event) -> str:
    detail = event.detail
    reason = REASONS.get((str(detail.get("check", "")), str(detail.get("reason", ""))))
    if reason is not None:
        why = reason.format(
            peer=event.peer,
            sender=address(event.sender),
            recipient=event.recipient,
            by=_by_rule(event),
            engines=checks.engines(detail.get("engines")),
        )
    else:
        why = statuses.inside(statuses.find(detail.get("reply", "")))
    if "probe" in detail:
        why = f"{why.partition(';')[0]}; it was {_probe(event)}"
    if event.verdict == "rejected":
        return f"Refused: {why}."
    return f"Put off: {why}; {_AGAIN}."


def _waiting(event: Event, due: float | None) -> str:
    why = _outside(event).partition(";")[0]  # it is not over: nobody need do anything yet
    if due is None:
        return f"Not yet: {why}; it was to be tried again."
    return f"Waiting: {why}; {next_try(due)}."


def _failed(event: Event) -> str:
    return f"Not delivered: {_outside(event)}."


def _outside(event: Event) -> str:
    unfit = tls.unfit(event.detail, _host(event))
    return unfit or statuses.outside(str(event.detail.get("status", "")), _host(event))


def _host(event: Event) -> str:
    """`mx.remote.test` of `mx.remote.test[192.0.2.1]:25`."""
    return str(event.detail.get("mta", "")).partition("[")[0]


def _by_rule(event: Event) -> str:
    return f" by rule {event.detail['rule']}" if "rule" in event.detail else ""


def _accepted(event: Event) -> str:
    detail = event.detail
    if "about" in detail:
        return f"Written here: a report to a sender about message {detail['about']}."
    if "tls_report" in detail:
        return f"Written here: the report to {detail['tls_report']} about encrypted connections with it (TLS-RPT)."
    if "report" in detail:
        return f"Written here: our daily DMARC report to the owner of {detail['report']}."
    if "probe" in detail:
        return f"Accepted: {_probe(event)}{_spam(detail.get('spam'))}."
    if "account" in detail:
        return f"Accepted from {detail['account']}, who had logged in."
    allowed = f"; {detail['allowed']} of the white lists vouches for it" if "allowed" in detail else ""
    spam = _spam(detail.get("spam"))
    return f"Accepted from {address(event.sender)}{f', brought by {event.peer}' if event.peer else ''}{allowed}{spam}."


def _probe(event: Event) -> str:
    return f"a probe of this service itself, with the harmless test file {str(event.detail['probe']).upper()}"


def _spam(found: Any) -> str:
    """Of what was scored: only what a person should know who asks where the mail is."""
    if not isinstance(found, dict):
        return ""
    if "failed" in found and "points" not in found:  # others may have scored what ours could not
        return (
            "; it could not be scored in time, so spam is not marked in it"
            if found["failed"] == "late"
            else ("; it could not be scored, so spam is not marked in it")
        )
    return f"; marked as spam, {found.get('points')} points" if found.get("marked") else ""


def _delivered(event: Event) -> str:
    if event.detail.get("reply") == "Forwarded":
        return f"Forwarded: {event.recipient} leads to another address."
    if event.detail.get("mailbox") == JUNK:
        return f"Delivered to {event.recipient}'s mailbox Junk, for it is marked as spam."
    return f"Delivered to {event.recipient}'s mailbox (INBOX)."


def _expanded(event: Event) -> str:
    leaves = "; it leaves with a sender of ours, so that what bounces finds back" if "as" in event.detail else ""
    return f"{event.recipient} is another name of {_list(event.detail.get('to'))}{leaves}."


def _passed_on(event: Event) -> str:
    return (
        f"Passed on: {_host(event) or 'the next mail host'} has taken the message for {event.recipient};"
        f" where it goes from there, only that side can say.{tls.trust(event.detail)}"
    )


def _list_off(event: Event) -> str:
    detail = event.detail
    return f"{_zone(event)} is not asked any more: {detail.get('reason') or 'its test failed'}."


def _zone(event: Event) -> str:
    zone = event.detail.get("zone")
    return f"The DNS list {zone}" if zone else "A DNS list"


def _own_listed(event: Event) -> str:
    return f"{_zone(event)} has {_own(event)}: others refuse our mail for it, until it is taken off there."


def _own(event: Event) -> str:
    address = event.detail.get("address")
    return f"our address {address}" if address else "an address of ours"


def _slowed(event: Event) -> str:
    detail = event.detail
    return (
        f"{detail.get('account') or 'An account'} is slowed down: it wrote to {detail.get('recipients', 'many')}"
        f" recipients in a day, and to {detail.get('usual', 'few')} on a usual one."
    )


def _logged_in(event: Event) -> str:
    return f"{event.detail.get('account') or 'Somebody'} logged in from {event.peer}."


def _not_logged_in(event: Event) -> str:
    name = event.detail.get("account")
    reply = str(event.detail.get("reply", ""))
    who = f"the log-in as {name}" if name else "a log-in"
    if reply.startswith("Too many failed"):
        return f"Refused: {who} came after too many wrong ones; it must wait, or be unlocked."
    if reply.startswith("Too many log-ins"):
        return f"Put off: {who} came when too many others did; a minute later it works."
    return f"Refused: {who} had a wrong name or password; a new password can be set."


def _told(event: Event) -> str:
    about = _list(event.detail.get("for"))
    return f"The sender, {event.recipient}, was sent a report" + (f" about {about}." if about else ".")


def _not_told(event: Event) -> str:
    return f"The sender was sent no report: {event.detail.get('reason', 'there was nobody to tell')}."


def _list(some: Any) -> str:
    names = [str(name) for name in some] if isinstance(some, list | tuple) else [str(some)] if some else []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _away(event: Event) -> str:
    to, who = event.detail.get("to") or "the sender", event.recipient or "the person"
    return f"Answered: {to} was told that {who} is away."


def _not_away(event: Event) -> str:
    reason = event.detail.get("reason") or "nothing is known of the reason"
    return f"No vacation answer for {event.recipient or 'the person'}: {reason}."


def quarantined(reason: str, engines: Any) -> str:
    """Why a message is kept from its recipients, as half a sentence. `engines`: what each said."""
    why = REASONS.get(("viruses", reason), "it may do harm").partition(";")[0]
    return why.format(engines=checks.engines(engines))


def _quarantined(event: Event) -> str:
    return f"Taken into quarantine: {quarantined(str(event.detail.get('reason', '')), event.detail.get('engines'))}."


_WORDS: dict[tuple[str, str], Callable[[Event], str]] = {
    ("connect", "closed"): lambda e: f"Sent away: {e.peer} made too many errors; its owner must find out why.",
    ("tls", "rejected"): lambda e: f"Not possible: {e.peer} and we could agree on no encrypted connection.",
    ("auth", "accepted"): _logged_in,
    ("auth", "rejected"): _not_logged_in,
    ("accept", "accepted"): _accepted,
    ("alias", "expanded"): _expanded,
    ("local", "delivered"): _delivered,
    ("remote", "relayed"): _passed_on,
    ("remote", "failed"): _failed,
    ("queue", "held"): lambda e: f"Held{_by_rule(e)}: the message to {e.recipient} stays here until it is released.",
    ("queue", "released"): lambda e: f"Released: the message to {e.recipient} may go on.",
    ("queue", "retried"): lambda e: f"Sent for again by hand: the message to {e.recipient} is tried at once.",
    ("queue", "deleted"): lambda e: f"Deleted by hand: the message to {e.recipient} goes no further.",
    ("quarantine", "held"): _quarantined,
    ("quarantine", "released"): lambda e: f"Released from quarantine by {e.detail.get('by', 'somebody')}.",
    ("quarantine", "deleted"): lambda e: "Deleted from quarantine; nobody gets it.",
    ("quarantine", "restored"): lambda e: "Put back into quarantine: its deletion was undone.",
    ("quarantine", "expired"): lambda e: "Gone from quarantine: nobody asked for it while it was kept.",
    ("probe", "removed"): lambda e: "Taken out of the mailbox again: it was a probe of this service itself.",
    ("notice", "sent"): _told,
    ("notice", "rejected"): _not_told,
    ("vacation", "sent"): _away,
    ("dnslist", "off"): _list_off,
    ("dnslist", "on"): lambda e: f"{_zone(e)} is well again, and asked.",
    ("dnslist", "listed"): _own_listed,
    ("dnslist", "cleared"): lambda e: f"{_zone(e)} no longer has {_own(e)}.",
    ("rate", "throttled"): _slowed,
    ("rate", "forgiven"): lambda e: f"{e.detail.get('account') or 'An account'} may send on: a person has let it.",
    ("vacation", "skipped"): _not_away,
}
