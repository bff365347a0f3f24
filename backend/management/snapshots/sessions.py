"""Who is here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionRow:
    """An operator's session."""

    id: str
    operator: str
    role: str
    kind: str  # console, command, contract
    origin: str
    key: str
    started: str
    idle_seconds: int


@dataclass(frozen=True, slots=True)
class SessionList:
    """All sessions, the oldest first."""

    rows: tuple[SessionRow, ...]
