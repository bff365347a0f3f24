"""What has become of a story as a whole: one word, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from backend.management.sentences import steps
from backend.store.queue import HELD, Entry
from backend.store.stories import Story
from backend.store.trace import Event

# The worst first: what somebody may have to do something about.
VERDICTS = (
    "bounced",
    "refused",
    "held",
    "deferred",
    "waiting",
    "deleted",
    "relayed",
    "forwarded",
    "delivered",
    "closed",
    "accepted",
)
_BY_EVENT = {
    "failed": "bounced",
    "rejected": "refused",
    "deferred": "deferred",
    "deleted": "deleted",
    "expired": "deleted",
    "relayed": "relayed",
    "delivered": "delivered",
    "closed": "closed",
}
_COUNTED = {
    "bounced": "not delivered",
    "refused": "refused",
    "held": "held",
    "deferred": "put off",
    "waiting": "waiting",
    "deleted": "deleted by hand",
    "relayed": "passed on",
    "forwarded": "forwarded",
    "delivered": "delivered",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`verdict` is one of VERDICTS; `recipients` in the order in which they came, `number` counts all of them."""

    verdict: str
    sentence: str
    recipients: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True)
class _End:
    """How it stands with one recipient."""

    verdict: str
    sentence: str


def of(story: Story) -> Outcome:
    """The outcome of a story as it stands now."""
    first = story.events[0]
    message = first if first.message is not None else next((e for e in story.events if e.message is not None), None)
    ends = _ends(story)
    recipients = tuple(name for name in ends if name)
    number = len(recipients)
    if message is not None:
        number = max(number, int(message.detail.get("recipients", 0)))
    if not ends:
        event = story.events[-1]
        kept = event.stage == "quarantine" and event.verdict in ("held", "restored")
        if kept:
            recipients = tuple(dict.fromkeys(e.recipient for e in story.events if e.recipient))
            return Outcome("held", steps.step(event), recipients, max(number, len(recipients)))
        verdict = _BY_EVENT.get(event.verdict, "accepted")
        return Outcome(verdict, steps.step(event), recipients, number)
    worst = min(ends.values(), key=lambda end: VERDICTS.index(end.verdict))
    return Outcome(worst.verdict, _sentence(ends, worst, number), recipients, number)


def _sentence(ends: dict[str, _End], worst: _End, number: int) -> str:
    """Of one recipient its own; of many how many fared how, and the worst of it."""
    if len(ends) == 1 and number < 2:
        return worst.sentence
    verdicts = [end.verdict for end in ends.values()]
    counts = [f"{verdicts.count(verdict)} {_COUNTED[verdict]}" for verdict in VERDICTS if verdict in verdicts]
    if len(counts) == 1:
        counts = [f"all {_COUNTED[worst.verdict]}"]
    seen = f"of {len(ends)} that were looked at " if number > len(ends) else ""  # a very long story is read at its ends
    many = f"{number} recipients: {seen}{', '.join(counts)}."
    if not _tells(worst):
        return many
    name = next(name for name, end in ends.items() if end is worst)
    return f"{many} {worst.sentence}" if name in worst.sentence else f"{many} For {name}: {worst.sentence}"


def _tells(end: _End) -> bool:
    """Whether its sentence says more than that all is well."""
    return end.verdict not in ("delivered", "relayed", "forwarded")


def _ends(story: Story) -> dict[str, _End]:
    """How it stands with each recipient; of a session without recipients with the session, under an empty name."""
    last: dict[str, Event] = {}
    for event in story.events:
        if _counts(event, story):
            last[event.recipient or ""] = event
    ends = {
        name: _End(_verdict(event), steps.step(event)) for name, event in last.items() if event.verdict in _BY_EVENT
    }
    for entry in story.entries:
        ends[entry.recipient] = _waiting(entry, last.get(entry.recipient))
    return ends if len(ends) == 1 or "" not in ends else {name: end for name, end in ends.items() if name}


def _counts(event: Event, story: Story) -> bool:
    """Whether an event is about where the story ends: not reports, and not what the session did before a message."""
    if event.stage in ("notice", "accept", "alias", "vacation") or (event.stage, event.verdict) == ("auth", "accepted"):
        return False
    return event.message is not None or story.events[-1].message is None


def _verdict(event: Event) -> str:
    if event.detail.get("reply") == "Forwarded" and event.stage == "local":
        return "forwarded"
    return _BY_EVENT[event.verdict]


def due(entry: Entry) -> float:
    """When an entry is tried next, for `steps`; 0 while it is being tried."""
    return 0.0 if entry.lease is not None else entry.due


def _waiting(entry: Entry, last: Event | None) -> _End:
    if entry.state == "held" or entry.due >= HELD:
        return _End("held", f"Held: the message to {entry.recipient} stays here until it is released.")
    if last is not None and last.verdict == "deferred":
        return _End("waiting", steps.step(last, due(entry)))
    if entry.lease is not None:
        return _End("waiting", f"On its way to {entry.recipient} at this moment.")
    return _End(
        "waiting", f"Waiting: the message to {entry.recipient} has not been tried yet; {steps.next_try(entry.due)}."
    )
