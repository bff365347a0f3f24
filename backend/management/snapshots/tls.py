"""Encrypted connections with other mail hosts: what a domain asks, how it went, what others report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyView:
    """The MTA-STS policy of a domain. Without one `mode` is empty, and `failure` says why where one is announced."""

    mode: str
    id: str
    mx: tuple[str, ...]
    max_age: int
    fetched: str | None
    failure: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostView:
    """One mail host: what a connection to it must be (none, may, encrypt, test, pkix, dane, or unfit), and why."""

    name: str
    addresses: tuple[str, ...]
    level: str
    asked_by: str
    sentence: str
    records: tuple[str, ...]  # TLSA
    names: tuple[str, ...]  # that its certificate may be for


@dataclass(frozen=True, slots=True)
class ResultRow:
    """Sessions of one day with the same result."""

    day: str
    domain: str
    policy: str
    result: str  # empty: all was well
    mx: str
    address: str
    reason: str
    number: int


@dataclass(frozen=True, slots=True)
class TlsCheck:
    """What would hold for mail to a domain now."""

    domain: str
    sentence: str
    exception: str  # of the settings
    validating: bool  # whether the name servers check DNSSEC, as DANE needs
    policy: PolicyView
    hosts: tuple[HostView, ...]
    failing_since: str | None
    last: tuple[ResultRow, ...]


@dataclass(frozen=True, slots=True)
class ResultList:
    """How TLS went, the newest first."""

    rows: tuple[ResultRow, ...]


@dataclass(frozen=True, slots=True)
class OwnPolicy:
    """What we publish of ourselves by MTA-STS (RFC 8461); the same for each of our domains."""

    text: str
    place: str
    name: str
    record: str


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What somebody reports of one policy of ours."""

    received: str
    begins: str
    ends: str
    organization: str
    contact: str
    report: str
    domain: str
    policy: str
    successes: int
    failures: int
    details: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Reports of others, the newest first."""

    rows: tuple[ReportRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class Imported:
    """A report that was taken; `known` counts the policies in it that were there before."""

    organization: str
    report: str
    policies: int
    known: int
    failures: int
