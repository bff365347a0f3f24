"""What stands in the DNS for our domains, beside what should."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsRow:
    """One record. `line`: as a zone file has it, empty where only the site knows the value."""

    id: str
    domain: str
    purpose: str
    name: str
    kind: str
    state: str  # wrong, missing, weak, unknown, optional, right
    words: str
    wanted: str
    found: tuple[str, ...]
    why: str
    line: str


@dataclass(frozen=True, slots=True)
class DnsCheck:
    """All records of some domains, what needs attention first. `left_out`: domains that were not asked about."""

    rows: tuple[DnsRow, ...]
    time: str  # when it was asked
    left_out: int


@dataclass(frozen=True, slots=True)
class ZoneText:
    """What to put into the zone of a domain."""

    domain: str
    text: str
