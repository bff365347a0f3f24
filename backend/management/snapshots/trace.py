"""The story of messages, and of connections that were refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of the trace."""

    time: str
    stage: str
    verdict: str
    message: str | None = None
    session: str | None = None
    peer: str | None = None
    sender: str | None = None
    recipient: str | None = None
    message_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoryRow:
    """One message, or one connection of which no message came, in a line."""

    id: str  # of the message or of the session
    time: str  # when it began
    sender: str | None  # empty for <>, None when nobody was named
    recipients: tuple[str, ...]  # the first few of `number`
    number: int
    verdict: str  # waiting, held, delivered, relayed, bounced, refused, deferred, deleted, logged in, accepted
    peer: str | None  # where it came from
    sentence: str  # what became of it, to be read out


@dataclass(frozen=True, slots=True)
class TracePage:
    """Stories. `total` counts those found, up to 2,000; with `more`, there are others beyond."""

    rows: tuple[StoryRow, ...]
    total: int
    offset: int
    more: bool
    kind: str  # what the subject was taken for: address, fragment, host, network, Message-ID, id, everything
    subject: str  # as it was looked for


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a story."""

    time: str
    stage: str
    verdict: str
    recipient: str | None
    sentence: str  # to be read out
    facts: dict[str, Any]  # for who wants to know more: reply, host, attempt, seconds, TLS ...
    found: tuple[str, ...] = ()  # what the checks found out, a sentence each


@dataclass(frozen=True, slots=True)
class StoryView:
    """A story with its steps, the oldest first. Of very many steps the middle is `left_out`."""

    id: str
    time: str
    sender: str | None
    recipients: tuple[str, ...]
    number: int
    verdict: str
    peer: str | None
    sentence: str
    message_id: str | None
    size: int | None  # bytes
    account: str | None  # who submitted it, when somebody logged in
    steps: tuple[StepRow, ...]
    left_out: int
