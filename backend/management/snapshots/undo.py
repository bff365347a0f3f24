"""What was deleted and can be put back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeletionRow:
    """One deletion."""

    id: str  # U17
    time: str
    until: str  # when it is gone for good
    user: str
    action: str
    summary: str


@dataclass(frozen=True, slots=True)
class DeletionPage:
    """A page of deletions, the newest first."""

    rows: tuple[DeletionRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class Undone:
    """What was put back."""

    id: str
    summary: str
    rows: int
