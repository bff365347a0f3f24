"""Who sends much."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateRow:
    """One count that is near its limit, or over it."""

    what: str  # address, network, sender, account, guesses, slow account
    who: str
    number: float  # in the window now
    limit: int
    seconds: int  # of the window


@dataclass(frozen=True, slots=True)
class ThrottleRow:
    """An account that sent far more than usual."""

    address: str
    state: str  # slow, forgiven
    since: str
    until: str
    recipients: int  # in the day that was too much
    usual: float  # recipients a day


@dataclass(frozen=True, slots=True)
class RatePage:
    """Accounts that are slowed down, and the counts nearest to their limits."""

    throttled: tuple[ThrottleRow, ...]
    rows: tuple[RateRow, ...]


@dataclass(frozen=True, slots=True)
class Forgiven:
    """Who may send on, and until when without a look at its rate."""

    who: str
    until: str | None
