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


@dataclass(frozen=True, slots=True)
class SpamThreshold:
    """The points from which on mail is marked. `author` set it here at `since`; None: the file counts."""

    value: float  # in force
    file: float  # of the settings file, or its default
    author: str | None
    since: str | None


@dataclass(frozen=True, slots=True)
class SpamFigures:
    """How many messages were marked, how many were not, and how many could not be scored, in equal parts of a time."""

    time: str
    hours: int
    enabled: bool
    threshold: SpamThreshold
    marked: tuple[int, ...]  # the oldest first
    clean: tuple[int, ...]
    unscored: tuple[int, ...]
    kept: int  # messages whose score is known
    false_positives: int  # reported in that time: good mail that was marked
    false_negatives: int  # and spam that was not


@dataclass(frozen=True, slots=True)
class SpamWeight:
    """A reason: how many messages it was given to, and the sum of its points, in those marked and in the others."""

    name: str
    marked: int
    marked_points: float
    clean: int
    clean_points: float


@dataclass(frozen=True, slots=True)
class SpamPicture:
    """What the last messages scored. `bins` counts them by steps of `width` points from `lowest` on; what is outside
    is in the first and the last of them.
    """

    number: int
    marked: int
    oldest: str | None
    threshold: float
    lowest: float
    width: float
    bins: tuple[int, ...]
    reasons: tuple[SpamWeight, ...]


@dataclass(frozen=True, slots=True)
class SpamRow:
    """A message that was scored. `reasons`: names and points, the weightiest first; `domain`: its sender's."""

    id: str  # of its trace
    time: str
    points: float
    marked: bool  # when it came
    reasons: tuple[str, ...]  # `name 1.5`
    domain: str
    reported: str | None  # spam or ham, where somebody has said so


@dataclass(frozen=True, slots=True)
class SpamRows:
    """A page of messages."""

    rows: tuple[SpamRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class SpamTrial:
    """What a threshold would have done with the last messages, beside the one in force. `rows`: the first of those
    that change sides, those nearest to the thresholds first.
    """

    threshold: float
    in_force: float
    number: int
    came_marked: int  # as they were when they came, whatever was in force then
    marked: int  # with the threshold in force
    would: int  # with the other
    gained: int  # not marked, and would be
    lost: int  # marked, and would not be
    ham: int  # reported as good mail, of these messages
    ham_right: int  # not marked
    ham_would: int
    spam: int  # reported as spam
    spam_right: int  # marked
    spam_would: int
    rows: tuple[SpamRow, ...]


@dataclass(frozen=True, slots=True)
class SpamThresholdSet:
    """The threshold was changed. `undo` is the id that takes it back; None when nothing changed."""

    before: float
    value: float
    file: float
    undo: str | None


@dataclass(frozen=True, slots=True)
class SpamReportRow:
    """A message that somebody reported. `id` is of its trace, None where only its header told the mark."""

    id: str | None
    digest: str
    time: str
    kind: str  # spam or ham, as people say
    marked: bool
    wrong: bool
    points: float
    reasons: tuple[str, ...]
    domain: str
    reporter: str


@dataclass(frozen=True, slots=True)
class SpamReports:
    """A page of reports, and how many there are of each kind in all."""

    rows: tuple[SpamReportRow, ...]
    total: int
    offset: int
    false_positives: int
    false_negatives: int
    right: int
