"""What a message scores, and what the site has learnt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpamReason:
    """One thing that counts: points above 0 for spam, below 0 against it."""

    name: str
    points: float
    words: str


@dataclass(frozen=True, slots=True)
class ScorerRow:
    """What one scorer says, or a list of hosts of links. `points`: of ours; `score`, `required`: its own measure."""

    scorer: str
    outcome: str  # scored, clear, failed, skipped
    points: float
    score: float | None
    required: float | None
    symbols: tuple[str, ...]  # its rules that fit, the weightiest first
    words: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class SpamScore:
    """`spam`: the points reach the threshold. `learnt`: spam or ham, where this very message was learnt here."""

    points: float
    threshold: float
    spam: bool
    learnt: str | None
    reasons: tuple[SpamReason, ...]
    scorers: tuple[ScorerRow, ...] = ()  # beside our own


@dataclass(frozen=True, slots=True)
class SpamLessons:
    """How many messages a call changed, how many it left as they were, and what is known after it."""

    changed: int
    unchanged: int
    spam: int
    ham: int
