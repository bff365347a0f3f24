"""Scores: points for spam and against it, what they are made of, and the one interface of a scorer beside our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from backend.store.bodies import Body

Outcome = Literal["scored", "clear", "failed", "skipped"]  # clear: asked, and it has nothing to say


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


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a scorer beside our own is told of a message: its name here, who brought it, and the fields that we put on
    top (Received), for those that read who brought it from there.
    """

    identity: str = ""
    context: Context = field(default_factory=Context)
    received: bytes = b""


@dataclass(frozen=True, slots=True)
class Said:
    """What a scorer says in its own measure. `symbols`: the names of its rules that fit, and their points where it
    says them, the weightiest first; what they are called is its word, so they are cleaned before they come here.
    """

    score: float
    required: float  # from which on it takes a message for spam
    symbols: tuple[tuple[str, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one scorer says of one message, in our points. `words`: why it failed, was not asked, or what it found."""

    scorer: str
    outcome: Outcome
    points: float = 0.0
    words: str = ""
    said: Said | None = None
    milliseconds: float = 0.0


class Scorer(Protocol):
    """Asks a program of somebody else what it thinks of a message."""

    async def ask(self, body: Body, envelope: Envelope) -> Said:
        """Its word. OSError when it cannot be reached, Nonsense when what it says is none."""
        ...


class Nonsense(Exception):
    """An answer that is none; the words say how."""


def together(score: Score | None, opinions: tuple[Opinion, ...]) -> Score | None:
    """Our own score and what others say, as one; None when nobody said anything."""
    reasons = list(score.reasons) if score is not None else []
    others = [one for one in opinions if one.outcome == "scored"]
    if score is None and not others:
        return None
    reasons += [Reason(name(one.scorer), one.points, one.words) for one in others]
    reasons.sort(key=lambda reason: -abs(reason.points))
    return Score(round(sum(reason.points for reason in reasons), 2), tuple(reasons))


def name(scorer: str) -> str:
    """A scorer's name as the name of a reason: it stands in a header field."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in scorer.upper())[:40]
