"""Engines against viruses, and what they say of one file."""

from __future__ import annotations

from dataclasses import dataclass

from backend.management.snapshots.spam import ScorerRow


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
