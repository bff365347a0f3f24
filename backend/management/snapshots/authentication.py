"""What checks found of the mail that came."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckSeries:
    """How often a check found a value, in equal parts of the time, the oldest first."""

    check: str
    value: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """All checks over some time."""

    time: str
    hours: int
    series: tuple[CheckSeries, ...]


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain and how often a check found something of it; `domain` is empty for all that are not kept by name."""

    domain: str
    number: int


@dataclass(frozen=True, slots=True)
class DomainRows:
    """The domains with the most."""

    check: str
    value: str
    days: int
    rows: tuple[DomainRow, ...]
