"""What is answered for somebody who is away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VacationView:
    """The vacation of one account. `now`: whether mail is answered at this moment."""

    address: str
    enabled: bool
    now: bool
    starts: str | None
    ends: str | None
    subject: str  # empty: made from the subject of the mail
    text: str
    days: int
    answered: int  # senders that have their answer


@dataclass(frozen=True, slots=True)
class VacationPreview:
    """The answer that a sender would get."""

    to: str
    subject: str
    text: str
    source: str  # the whole message, as it would be sent
