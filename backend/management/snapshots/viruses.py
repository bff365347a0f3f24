"""Viruses: alerts, what is in one, what was stopped, and figures over time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One thing that was found or went wrong, however often. `told`: when the postmaster was written to last.

    `state`: open, contained (who sent it cannot send any more), done (somebody has seen to it), over, kept out.
    `suspects`: the account and the host of ours that `virus contain` would stop.
    """

    id: int
    kind: str  # incoming, outgoing, engine
    subject: str
    words: str
    peer: str | None
    account: str | None
    first: str
    last: str
    count: int
    told: str
    state: str
    disagreed: int  # messages that one engine called infected and another clean
    suspects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertPage:
    """A page of alerts. `infected`: accounts and hosts of ours that are still to be stopped; `disagreed`: alerts about
    messages of which the engines disagree; both of all alerts.
    """

    rows: tuple[AlertRow, ...]
    total: int
    offset: int
    infected: int
    disagreed: int


@dataclass(frozen=True, slots=True)
class AlertPart:
    """What is in an alert: an address, an account, a verdict of the engines, or the id of a story of the trace."""

    kind: str
    value: str
    first: str
    last: str
    count: int


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert as a whole. `most`: parts of each kind that are kept, the last ones."""

    alert: AlertRow
    rows: tuple[AlertPart, ...]
    total: int
    most: int


@dataclass(frozen=True, slots=True)
class Contained:
    """Who was stopped. `held`: entries of the queue that now wait; `passing`: entries that were on their way just then;
    `until`: when a host may send again.
    """

    what: tuple[str, ...]
    held: int
    passing: int
    until: str | None
    undo: str


@dataclass(frozen=True, slots=True)
class AlertsDone:
    """How many alerts somebody has seen to."""

    affected: int
    undo: str


@dataclass(frozen=True, slots=True)
class VirusSeries:
    """How many messages, in equal parts of the time, the oldest first. `direction`: in or out; `what`: looked at,
    infected, refused, quarantined, deferred, disagreed.
    """

    direction: str
    what: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VirusFigures:
    """All of it over some time."""

    time: str
    hours: int
    series: tuple[VirusSeries, ...]
