"""Who changed what, or looked into whose mail, or tried to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit log. `before` and `after` are what was changed, None when that does not apply."""

    id: int
    time: str
    user: str
    role: str
    origin: str
    key: str
    action: str
    arguments: dict[str, Any]
    before: Any
    after: Any
    why: str
    outcome: str  # done, or why nothing was changed
    hash: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the audit log, the newest first. `total` counts what matches, up to 100,000."""

    rows: tuple[AuditRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class AuditProof:
    """Whether the chain holds: how many rows do, the first that does not (None when all do), and how many of the newest
    were cut off. `anchor` is the last row that holds, as `audit-log verify --anchor` takes it.
    """

    rows: int
    broken: int | None
    missing: int
    anchor: str
