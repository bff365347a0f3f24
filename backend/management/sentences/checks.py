"""What the checks found out about a message that was taken, in sentences.

A check whose finding has a new value gets a row here: (its name, the value) -> the sentence.
"""

from __future__ import annotations

from typing import Any

from backend.store.trace import Event

# {peer}: the address it came from; {helo}: the name that gave itself; {sender}: the reverse-path; {domain}: the
# domain of the sender, or the name in HELO where there is no sender.
CHECKS = {
    ("reverse dns", "pass"): "Reverse DNS: the name of {peer} leads back to it.",
    ("reverse dns", "fail"): "Reverse DNS: the name of {peer} does not lead back to it.",
    ("reverse dns", "permerror"): "Reverse DNS: {peer} has no name.",
    ("reverse dns", "temperror"): "Reverse DNS: the name of {peer} could not be looked up.",
    ("dns white lists", "listed"): "DNS lists: a white one vouches for {peer}.",
    ("dns white lists", "clear"): "DNS lists: no white one knows {peer}.",
    ("dns black lists", "listed"): "DNS lists: a black one has {peer}, but weighs too little to refuse it.",
    ("dns black lists", "clear"): "DNS lists: no black one has {peer}.",
    ("dns black lists", "unknown"): "DNS lists: not every black one answered; none of the others has {peer}.",
    ("greylist", "known"): "Greylist: the sender has written here before.",
    ("greylist", "new"): "Greylist: the sender had not written here before.",
    ("spf", "pass"): "SPF: {peer} may send for {domain}.",
    ("spf", "fail"): "SPF: {domain} says that {peer} may not send for it; it was taken all the same.",
    ("spf", "softfail"): "SPF: {domain} would rather not have {peer} send for it.",
    ("spf", "neutral"): "SPF: {domain} says neither yes nor no about {peer}.",
    ("spf", "none"): "SPF: {domain} does not say who may send for it.",
    ("spf", "permerror"): "SPF: the record of {domain} is faulty; the domain's owner must fix it.",
    ("spf", "temperror"): "SPF: the name servers of {domain} did not answer.",
    ("dkim", "none"): "DKIM: it carries no signature.",
    ("dkim", "pass"): "DKIM: its signature is good; nobody changed it on its way.",
    ("dkim", "fail"): "DKIM: its signature is not good; it was changed on its way, or somebody forged it.",
    ("dkim", "policy"): "DKIM: its signature does not count; it is too old, covers too little, or was seen too often.",
    ("dkim", "neutral"): "DKIM: its signature does not count; its domain is only trying out DKIM.",
    ("dkim", "permerror"): "DKIM: its signature cannot be checked; it is faulty, or its domain has no such key.",
    ("dkim", "temperror"): "DKIM: its signature could not be checked; the DNS was silent.",
    ("dmarc", "pass"): "DMARC: what stands in From is proven.",
    ("dmarc", "fail"): "DMARC: nothing proves what stands in From.",
    ("dmarc", "none"): "DMARC: the domain in From asks for nothing.",
    ("dmarc", "temperror"): "DMARC: the DNS did not answer.",
    ("dmarc", "permerror"): "DMARC: From cannot be used.",
    ("arc", "none"): "ARC: no mail host has sealed it.",
    ("arc", "pass"): "ARC: the seals of the mail hosts it has passed are whole.",
    ("arc", "fail"): "ARC: the seals of the mail hosts it has passed are broken.",
    (
        "arc",
        "temperror",
    ): "ARC: the seals of the mail hosts it has passed could not be checked; the DNS was silent.",
}


def checks(found: Any, *, peer: str | None = None, helo: str = "", sender: str | None = None) -> tuple[str, ...]:
    """A sentence for each finding. `found`: its value by the name of the check, as an event has it in its detail."""
    if not isinstance(found, dict):
        return ()
    domain = (sender or "").rpartition("@")[2] or helo or "the sender"
    words = {"peer": peer or "the client", "helo": helo, "sender": sender or "<>", "domain": domain}
    return tuple(_sentence(str(name), str(value), words) for name, value in found.items())


def of(event: Event) -> tuple[str, ...]:
    """The sentences of an event; none where no check found anything."""
    detail = event.detail
    viruses = (f"Viruses: {engines(detail['engines'])}.",) if detail.get("engines") else ()
    spam = detail.get("spam")
    others = scorers(spam.get("scorers")) if isinstance(spam, dict) else ()
    found = checks(detail.get("checks"), peer=event.peer, helo=str(detail.get("helo", "")), sender=event.sender)
    return viruses + found + others


def engines(found: Any) -> str:
    """What each engine against viruses said: `clamd found Eicar-Test, yara found nothing`."""
    if not isinstance(found, dict) or not found:
        return "no engine was asked"
    outcomes = {str(said).partition(":")[0] for said in found.values()}
    disagree = " (they disagree)" if {"infected", "clean"} <= outcomes else ""
    return ", ".join(f"{name} {_engine(str(said))}" for name, said in found.items()) + disagree


def scorers(found: Any) -> tuple[str, ...]:
    """A sentence for each scorer of spam beside our own, and for each list that has a host it links to."""
    if not isinstance(found, dict):
        return ()
    return tuple(_scorer(str(name), said) for name, said in found.items() if isinstance(said, dict))


def _scorer(name: str, said: dict[str, Any]) -> str:
    if "failed" in said:
        return f"Spam: {name} could not say anything: {said['failed']}."
    if "skipped" in said:
        return f"Spam: {name} was not asked: {said['skipped']}."
    if "score" not in said:
        return f"Spam: it links to a host that {name} has, which counts {said.get('points')} points."
    named = ", ".join(map(str, said.get("symbols", ()))) or "no rule"
    own = f"{said['score']} where {said.get('required')} is spam"
    return f"Spam: {name} gives {said.get('points')} points ({own}: {named})."


def _engine(said: str) -> str:
    outcome, _, words = said.partition(": ")
    if outcome == "infected":
        return f"found {words or 'something'}"
    return "found nothing" if outcome == "clean" else f"failed ({words or 'nobody knows why'})"


def _sentence(name: str, value: str, words: dict[str, str]) -> str:
    known = CHECKS.get((name, value))
    return known.format(**words) if known is not None else f"{name.replace('_', ' ')}: {value}."
