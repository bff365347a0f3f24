"""The one interface of a scorer: a message taken apart, and what is known of who brought it, become points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from backend.content.scan import Incoming
    from backend.content.unpacked import Unpacked


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that counts for spam (points above 0) or against it. `words`: for people, never what the mail says."""

    name: str
    points: float
    words: str


@dataclass(frozen=True, slots=True)
class Score:
    """The points of a message, and what they are made of, the weightiest first."""

    points: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """Who brought the message, for whom, and what the checks found: their names and values, as ("spf", "pass")."""

    peer: str = ""
    host: str = ""
    helo: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    findings: Mapping[str, str] = field(default_factory=dict)
    account: str | None = None


class Scorer(Protocol):
    """Gives points to a message. Heavy work belongs in a process of the scorer's own."""

    name: str

    async def score(self, message: Incoming, unpacked: Unpacked, context: Context) -> Score:
        """The score; an exception when there is none to be had."""
        ...
