"""DMARC reports: of others about our domains, and ours to others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report about one of our domains. `proven`: it is certain that `sender` sent it."""

    id: int
    organisation: str
    domain: str
    begins: str
    ends: str
    messages: int
    failed: int
    sources: int
    policy: str
    contact: str
    report: str
    sender: str
    proven: bool
    left_out: int  # rows that are not kept


@dataclass(frozen=True, slots=True)
class ReportList:
    """Reports, those of the latest time first."""

    rows: tuple[ReportRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Mail from one address in one report."""

    id: str
    source: str
    messages: int
    disposition: str
    spf: str
    dkim: str
    header_from: str
    envelope_from: str
    reason: str
    results: tuple[str, ...]  # as in `dkim=pass example.org s1`


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report with what it says of each address, those that did not pass first."""

    report: ReportRow
    rows: tuple[SourceRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class ImpostorRow:
    """An address that sent mail in our name which did not pass."""

    id: str
    source: str
    messages: int
    refused: int
    reporters: int
    header_from: str
    last: str


@dataclass(frozen=True, slots=True)
class ImpostorList:
    """Who sends in our name without proof, the most first."""

    rows: tuple[ImpostorRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class SentRow:
    """A report of ours, or why there was none."""

    id: int
    time: str
    day: str
    domain: str
    recipient: str
    message: str | None
    sources: int
    messages: int
    outcome: str


@dataclass(frozen=True, slots=True)
class SentList:
    """What was sent, the newest first."""

    rows: tuple[SentRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What was in a file."""

    organisation: str
    domain: str
    messages: int
    failed: int
    sources: int
    new: bool  # false: it was here already
