"""DNS lists: how they are, what they have, and what each says of one address or domain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsListRow:
    """One list. Times are RFC 3339 in UTC."""

    zone: str
    kind: str  # black, white
    state: str  # well, off, untested
    words: str  # why it is off
    since: str | None  # in this state
    tested: str | None
    listed: str | None  # what the test point that must be listed answered
    unlisted: str | None  # and those that must not
    about: tuple[str, ...]
    preset: str
    asked: int
    hits: int
    last_hit: str | None
    errors: int  # answers that are none
    error: str | None  # the last one
    last_error: str | None
    codes: tuple[str, ...]  # what its answers mean, a line each


@dataclass(frozen=True, slots=True)
class OwnListingRow:
    """An address of ours that a black list has."""

    zone: str
    address: str
    words: str
    since: str


@dataclass(frozen=True, slots=True)
class DnsListPage:
    """All lists of the settings, in their order."""

    rows: tuple[DnsListRow, ...]
    own: tuple[OwnListingRow, ...]
    enabled: bool


@dataclass(frozen=True, slots=True)
class ListAnswerRow:
    """What one list says."""

    zone: str
    kind: str
    state: str  # listed, clear, error, silent
    weight: float
    codes: tuple[str, ...]
    words: str
    text: str  # of the list, about this entry
    counts: bool  # whether the list is asked at all now


@dataclass(frozen=True, slots=True)
class ListAnswers:
    """What all lists say of one address or domain."""

    what: str
    rows: tuple[ListAnswerRow, ...]
    white: float  # sums of the weights of those that count
    black: float
    threshold: float
    verdict: str  # a sentence
