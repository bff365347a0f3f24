"""Rules that hold mail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule; what is None is not asked about."""

    id: int
    sender: str | None
    recipient: str | None
    peer: str | None
    reason: str
    owner: str
    until: str | None
    hits: int
    last_hit: str | None


@dataclass(frozen=True, slots=True)
class RuleList:
    """All rules, in the order in which they are asked."""

    rows: tuple[RuleRow, ...]


@dataclass(frozen=True, slots=True)
class RuleDeleted:
    """A rule that holds nothing any more; `undo` takes it back."""

    id: int
    undo: str
