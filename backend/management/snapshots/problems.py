"""What needs attention first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One thing. `screen` and `filter` lead to where it can be seen to."""

    severity: str  # bad, warn
    sentence: str
    advice: str
    screen: str
    filter: str = ""


@dataclass(frozen=True, slots=True)
class ProblemList:
    """The worst first."""

    rows: tuple[ProblemRow, ...]
