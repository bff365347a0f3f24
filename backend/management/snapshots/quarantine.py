"""The quarantine, and what becomes of what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from backend.management.snapshots.reading import HeaderRow, PartRow

REASONS = ("infected", "refused type", "encrypted", "macros", "unscannable")


@dataclass(frozen=True, slots=True)
class EngineWord:
    """What one engine said when the message came."""

    engine: str
    said: str


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One message in quarantine. `number`: of its recipients, of whom the first are named."""

    id: str
    message: str
    time: str
    until: str
    reason: str
    sentence: str  # the same for people
    words: str
    engines: tuple[EngineWord, ...]
    sender: str
    recipients: tuple[str, ...]
    number: int
    account: str | None
    peer: str | None
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """A page of the quarantine."""

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
class QuarantineLeft:
    """A message that was not released, and why: a sentence."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class QuarantineReleased:
    """How many messages went on, and to how many recipients; `ids` names them, `left` those that did not go."""

    affected: int
    recipients: int
    ids: tuple[str, ...]
    left: tuple[QuarantineLeft, ...]


@dataclass(frozen=True, slots=True)
class QuarantineDeleted:
    """How many messages nobody gets; `undo` takes it back."""

    affected: int
    undo: str
