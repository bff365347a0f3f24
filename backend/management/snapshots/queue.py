"""The queue, its entries, and what was done to them."""

from __future__ import annotations

from dataclasses import dataclass

from backend.management.snapshots.trace import EventRow


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One recipient's entry in the queue."""

    id: str
    message: str
    sender: str
    recipient: str
    domain: str
    state: str  # new, active, deferred, held
    size: int
    received: str
    due: str | None
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue. `total` counts what matches the filter, up to 100,000."""

    rows: tuple[QueueRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class EntryView:
    """A message of the queue: its envelope, its entries and its story."""

    id: str
    message: str
    sender: str
    received: str
    size: int
    message_id: str | None
    envid: str | None
    account: str | None
    peer: str | None
    recipients: tuple[QueueRow, ...]
    events: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """What an action on many entries did. `missed` were gone, or being delivered. `next` is set when there is more."""

    affected: int
    ids: tuple[str, ...]  # the first hundred
    missed: int = 0
    next: int | None = None
    undo: str | None = None  # what `undo` takes to put it back
