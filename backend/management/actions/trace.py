"""Where is my mail? The stories of messages, and of connections that were refused."""

from __future__ import annotations

from typing import Annotated, Any

from backend import clock, ids
from backend.management.registry import Call, action
from backend.management.roles import EVERYBODY
from backend.management.snapshots.trace import EventRow
from backend.store import trace
from backend.store.trace import Event


def event_of(event: Event) -> EventRow:
    """An event of the trace as people see it."""
    return EventRow(
        time=clock.rfc3339(event.time),
        stage=event.stage,
        verdict=event.verdict,
        message=ids.text(event.message) if event.message is not None else None,
        session=event.session,
        peer=event.peer,
        sender=event.sender,
        recipient=event.recipient,
        message_id=event.message_id,
        detail=event.detail,
    )


@action("trace", roles=EVERYBODY)
def trace_subject(call: Call, subject: Annotated[str, "a queue id, Message-ID, address or IP"]) -> dict[str, Any]:
    """Tell the story of a message, an address or a host."""
    found = call.store.read(
        lambda reader: trace.find(reader, subject.partition("-")[0] if _entry(subject) else subject)
    )
    return {"events": [event_of(event) for event in found[-2_000:]]}


def _entry(subject: str) -> bool:
    """Whether this is the id of an entry: a queue id, a dash and a number."""
    word, dash, number = subject.partition("-")
    return bool(dash) and number.isdecimal() and ids.parse(word) is not None
