"""Keys that sign mail. No private half is in any of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key."""

    domain: str
    selector: str
    algorithm: str
    state: str  # waiting, active, retiring, revoked
    dns: str  # what the DNS showed at the last look: right, missing, different, silent; empty before the first
    created: str
    changed: str  # when it came into its state
    published: str | None  # when the DNS first showed it right
    looked: str | None
    next: str  # what comes next, and who must do it


@dataclass(frozen=True, slots=True)
class KeyList:
    """The keys of all domains, or of one; the newest of each first."""

    rows: tuple[KeyRow, ...]


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record of the DNS; `text` is whole, however many strings it takes."""

    name: str
    type: str
    text: str


@dataclass(frozen=True, slots=True)
class KeyRecords:
    """What the DNS should say, and the same as lines of a zone file."""

    domain: str
    records: tuple[RecordRow, ...]
    zone: str


@dataclass(frozen=True, slots=True)
class KeyGone:
    """A key that signs no more."""

    domain: str
    selector: str
