"""What the site has learnt of spam: a weight by place, as many places as there are at the most, and the lessons.

A lesson is a message by its digest, so that none is learnt twice, with the step that it took, by which it is undone.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection

from backend.errors import BadInput
from backend.store.database import Reader, Transaction

SPAM, HAM = KINDS = ("spam", "ham")
PLACES = 1 << 17  # the table ends at some megabytes
_LESSONS = 200_000  # at the most: more do not make it better
_MARGIN = 2.0  # points that a lesson goes past the threshold, for spam; good mail goes twice as far below it
_STEP = 14.0  # points of one lesson, at the most
_NOTHING = 1e-9  # what rounding leaves of a weight that was taken back


def version(reader: Reader) -> int:
    """A number that changes with every lesson."""
    return int(reader.value("SELECT last FROM numbers WHERE name = 'spam_lessons'") or 0)


def read(reader: Reader) -> array[float]:
    """The weight of every place; empty when nothing was learnt."""
    rows = reader.rows("SELECT place, weight FROM spam_weights")
    weights = array("f", bytes(4 * PLACES) if rows else b"")
    for place, weight in rows:
        weights[place] = weight
    return weights


def numbers(reader: Reader) -> tuple[int, int]:
    """How many messages were learnt as spam, and how many as good mail."""
    found: dict[str, int] = dict(reader.rows("SELECT kind, count(*) FROM spam_lessons GROUP BY kind"))
    return found.get(SPAM, 0), found.get(HAM, 0)


def lesson(reader: Reader, digest: str) -> str | None:
    """As what a message was learnt; None when it was not."""
    kind: str | None = reader.value("SELECT kind FROM spam_lessons WHERE digest = ?", (digest,))
    return kind


def learn(
    transaction: Transaction, digest: str, kind: str, places: Collection[int], points: float, threshold: float
) -> bool:
    """Learn a message that has `points` without lessons; False when it was learnt so before. What it was learnt as
    otherwise is taken back first. One that is on the right side already, with some margin, moves nothing.
    """
    if lesson(transaction, digest) == kind:
        return False
    forget(transaction, digest, places)
    if sum(numbers(transaction)) >= _LESSONS:
        raise BadInput(f"{_LESSONS:,} messages were learnt; more do not make it better.")
    points += _sum(transaction, places) / math.sqrt(max(1, len(places)))
    if kind == SPAM:
        step = min(_STEP, max(0.0, threshold + _MARGIN - points))
    else:
        step = max(-_STEP, min(0.0, threshold - 2 * _MARGIN - points))
    _move(transaction, places, step)
    transaction.execute(
        "INSERT INTO spam_lessons (digest, kind, step, time) VALUES (?, ?, ?, ?)",
        (digest, kind, step, transaction.now),
    )
    return True


def forget(transaction: Transaction, digest: str, places: Collection[int]) -> bool:
    """Take a lesson back; False when there was none."""
    row = transaction.row("SELECT step FROM spam_lessons WHERE digest = ?", (digest,))
    if row is None:
        return False
    _move(transaction, places, -row[0])
    transaction.execute("DELETE FROM spam_lessons WHERE digest = ?", (digest,))
    return True


def _sum(reader: Reader, places: Collection[int]) -> float:
    total = 0.0
    for place in places:
        total += reader.value("SELECT weight FROM spam_weights WHERE place = ?", (place,)) or 0.0
    return total


def _move(transaction: Transaction, places: Collection[int], step: float) -> None:
    """Share the step out, so that the message itself moves by just that many points."""
    share = step / math.sqrt(max(1, len(places)))
    transaction.executemany(
        "INSERT INTO spam_weights (place, weight) VALUES (?, ?)"
        " ON CONFLICT (place) DO UPDATE SET weight = weight + excluded.weight",
        [(place, share) for place in sorted(places)],
    )
    transaction.executemany(
        "DELETE FROM spam_weights WHERE place = ? AND abs(weight) < ?", [(place, _NOTHING) for place in sorted(places)]
    )
    transaction.execute(
        "INSERT INTO numbers (name, last) VALUES ('spam_lessons', 1) ON CONFLICT (name) DO UPDATE SET last = last + 1"
    )
