"""Where is my mail? The stories of messages, and of connections that were refused. No subject, no body."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

from backend import clock, ids
from backend.errors import BadInput
from backend.management.registry import Call, action
from backend.management.roles import EVERYBODY
from backend.management.sentences import checks, outcome, steps
from backend.management.snapshots.trace import EventRow, StepRow, StoryRow, StoryView, TracePage
from backend.store import stories
from backend.store.database import Reader
from backend.store.stories import Story
from backend.store.trace import Event

_LONGEST = 1_000  # characters of a subject: an address has 320 at most, a Message-ID 998
_NAMED = 3  # recipients in a row
_NAMED_ALL = 100  # recipients of a story that is opened


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


@action("trace.find", roles=EVERYBODY)
def find(
    call: Call,
    subject: Annotated[str, "an address or a part of one, an IP or a network, a Message-ID, a queue id", "place"] = "",
    since: Annotated[str, "only what happened after: 2h ago, or 2026-11-24, or 2026-11-24T12:10Z"] = "",
    until: Annotated[str, "only what happened before"] = "",
    sort: Annotated[str, "-time for the newest first, time for the oldest"] = "-time",
    limit: Annotated[int, "how many stories at the most"] = 50,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> TracePage:
    """Where is my mail? Find messages and refused connections, the newest first."""
    if sort not in ("-time", "time"):
        raise BadInput(f"There is no order {sort[:40]!r}; choose from -time, time.")
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    if len(subject) > _LONGEST:
        raise BadInput(f"That is too long to be looked for; an address or an id has at most {_LONGEST} characters.")
    begin, end = _time(since), _time(until)
    if begin is not None and end is not None and begin >= end:
        raise BadInput("since is not before until; nothing can lie between.")
    about = stories.subject(subject)

    def page(reader: Reader) -> TracePage:
        found = stories.find(reader, about, begin, end, oldest=sort == "time")
        some = stories.stories(reader, found.numbers[offset : offset + limit])
        rows = tuple(map(row_of, some))
        return TracePage(rows, len(found.numbers), offset, found.more, found.subject.kind, found.subject.text)

    return call.store.read(page)


@action("trace.show", roles=EVERYBODY)
def show(call: Call, id: Annotated[str, "of a story, a message or an entry of the queue"]) -> StoryView:  # noqa: A002
    """Tell a story step by step, in sentences that can be read out."""
    about = stories.subject(id)
    found = call.store.read(lambda reader: stories.story(reader, about.number)) if about.kind == "id" else None
    if found is None:
        raise BadInput(f"Nothing is known of {id[:60]!r}; `trace find` takes an address, and shows the ids of stories.")
    return view_of(found)


def _time(words: str) -> float | None:
    """Seconds since 1970 of a length of time before now, a day, or a time; BadInput."""
    if not words:
        return None
    if re.fullmatch(r"\d{1,9}[smhdw]", words.lower()):
        return clock.now() - clock.span(words)
    try:
        time = datetime.datetime.fromisoformat(words)
    except ValueError:
        raise BadInput(
            f"{words[:40]!r} is no time; write 2h for two hours ago, 2026-11-24, or 2026-11-24T12:10."
        ) from None
    return (time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)).timestamp()


# -- stories as people see them


def _envelope(story: Story) -> Event:
    """The event that knows where it came from: the acceptance, or the first that names a sender."""
    events = story.events
    accepted = (event for event in events if event.stage == "accept")
    return next(accepted, next((event for event in events if event.sender is not None), events[0]))


def row_of(story: Story) -> StoryRow:
    """A story in a line."""
    first, end = _envelope(story), outcome.of(story)
    return StoryRow(
        id=ids.text(story.number),
        time=clock.rfc3339(first.time),
        sender=first.sender,
        recipients=end.recipients[:_NAMED],
        number=end.number,
        verdict=end.verdict,
        peer=first.peer,
        sentence=end.sentence,
    )


def view_of(story: Story) -> StoryView:
    """A story with its steps."""
    first, end = _envelope(story), outcome.of(story)
    detail = first.detail if first.stage == "accept" else {}
    return StoryView(
        id=ids.text(story.number),
        time=clock.rfc3339(first.time),
        sender=first.sender,
        recipients=end.recipients[:_NAMED_ALL],
        number=end.number,
        verdict=end.verdict,
        peer=first.peer,
        sentence=end.sentence,
        message_id=first.message_id,
        size=detail.get("size"),
        account=detail.get("account"),
        steps=tuple(_steps(story)),
        left_out=story.left_out,
    )


def _steps(story: Story) -> list[StepRow]:
    """Only the last deferral of a recipient that still waits can say when it is tried next."""
    due = {entry.recipient: outcome.due(entry) for entry in story.entries if entry.state != "held"}
    rows: list[StepRow] = []
    for event in reversed(story.events):
        again = due.pop(event.recipient or "", None) if event.message is not None else None
        rows.append(
            StepRow(
                time=clock.rfc3339(event.time),
                stage=event.stage,
                verdict=event.verdict,
                recipient=event.recipient,
                sentence=steps.step(event, again),
                facts=_facts(event),
                found=checks.of(event),
            )
        )
    return rows[::-1]


def _facts(event: Event) -> dict[str, Any]:
    """What the event knows beside its sentence."""
    return {**({"peer": event.peer} if event.peer else {}), **event.detail}
