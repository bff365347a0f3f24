"""What the checks found out about a message that was taken, in sentences.

A check whose finding has a new value gets a row here: (its name, the value) -> the sentence.
"""

from __future__ import annotations

from typing import Any

from backend.store.trace import Event

# {peer}: the address it came from; {helo}: the name that gave itself; {sender}: the reverse-path; {domain}: the
# domain of the sender, or the name in HELO where there is no sender.
CHECKS = {
    ("spf", "pass"): "SPF: {peer} may send for {domain}.",
    ("spf", "fail"): "SPF: {domain} says that {peer} may not send for it; it was taken all the same.",
    ("spf", "softfail"): "SPF: {domain} would rather not have {peer} send for it.",
    ("spf", "neutral"): "SPF: {domain} says neither yes nor no about {peer}.",
    ("spf", "none"): "SPF: {domain} does not say who may send for it.",
    ("spf", "permerror"): "SPF: the record of {domain} is faulty; the domain's owner must fix it.",
    ("spf", "temperror"): "SPF: the name servers of {domain} did not answer.",
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
    return viruses + checks(
        detail.get("checks"), peer=event.peer, helo=str(detail.get("helo", "")), sender=event.sender
    )


def engines(found: Any) -> str:
    """What each engine against viruses said: `clamd found Eicar-Test, yara found nothing`."""
    if not isinstance(found, dict) or not found:
        return "no engine was asked"
    outcomes = {str(said).partition(":")[0] for said in found.values()}
    disagree = " (they disagree)" if {"infected", "clean"} <= outcomes else ""
    return ", ".join(f"{name} {_engine(str(said))}" for name, said in found.items()) + disagree


def _engine(said: str) -> str:
    outcome, _, words = said.partition(": ")
    if outcome == "infected":
        return f"found {words or 'something'}"
    return "found nothing" if outcome == "clean" else f"failed ({words or 'nobody knows why'})"


def _sentence(name: str, value: str, words: dict[str, str]) -> str:
    known = CHECKS.get((name, value))
    return known.format(**words) if known is not None else f"{name.replace('_', ' ')}: {value}."
