"""Viruses: alerts, engines, the quarantine, and what the engines say of one file."""

from __future__ import annotations

from dataclasses import dataclass

from backend.management.snapshots.reading import HeaderRow, PartRow
from backend.management.snapshots.spam import ScorerRow


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One thing that was found or went wrong, however often. `told`: when the postmaster was written to last."""

    id: int
    kind: str  # incoming, outgoing, engine, scorer
    subject: str
    words: str
    peer: str | None
    account: str | None
    first: str
    last: str
    count: int
    told: str


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, what happened last first."""

    rows: tuple[AlertRow, ...]


@dataclass(frozen=True, slots=True)
class EngineRow:
    """One engine. `signatures_of`: when its signatures were made, None when it does not say."""

    name: str
    alive: bool
    version: str
    signatures_of: str | None
    when_down: str
    words: str


@dataclass(frozen=True, slots=True)
class EngineList:
    """All engines of the settings."""

    rows: tuple[EngineRow, ...]


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


@dataclass(frozen=True, slots=True)
class ScanRow:
    """What one engine says."""

    engine: str
    outcome: str
    signature: str
    words: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ScanTrouble:
    """What could not be opened, or may not come."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """What every engine says of a file. `verdict`: what would become of it as mail from outside."""

    verdict: str
    rows: tuple[ScanRow, ...]
    troubles: tuple[ScanTrouble, ...]
    pieces: int
    disagree: bool  # one engine says infected, and another clean
    scorers: tuple[ScorerRow, ...] = ()  # what each scorer of spam says, our own first
