"""The quarantine, and what becomes of what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from backend.management.snapshots.reading import HeaderRow, PartRow


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One message in quarantine."""

    id: str
    message: str
    time: str
    until: str
    reason: str
    words: str
    sender: str
    recipients: tuple[str, ...]
    account: str | None
    peer: str | None
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """A page of the quarantine, the newest first."""

    rows: tuple[QuarantineRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class QuarantineMessage:
    """What is in a message of the quarantine; nothing of it is run or followed. `cut`: there is more."""

    row: QuarantineRow
    headers: tuple[HeaderRow, ...]
    text: str
    source: str
    parts: tuple[PartRow, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class QuarantineReleased:
    """How many messages went on, and to how many recipients."""

    released: int
    recipients: int


@dataclass(frozen=True, slots=True)
class QuarantineDeleted:
    """How many messages nobody gets; `undo` takes it back."""

    deleted: int
    undo: str
