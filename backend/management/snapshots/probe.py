"""The probe: what its letters have shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One letter. `direction`: in or out; `what`: eicar or gtube; `outcome`: found, missed, or failed: nobody knows."""

    time: str
    direction: str
    what: str
    outcome: str
    words: str


@dataclass(frozen=True, slots=True)
class ProbePage:
    """Letters, the newest first."""

    rows: tuple[ProbeRow, ...]


@dataclass(frozen=True, slots=True)
class ProbeRun:
    """A run that somebody asked for. `notes`: what was not tried, and why."""

    rows: tuple[ProbeRow, ...]
    notes: tuple[str, ...]
    good: bool  # nothing that is switched on has failed
