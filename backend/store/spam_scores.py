"""What the last messages scored, with the transactions that took them: for figures, and to try thresholds on.

Nothing of what a message says is kept, but the domain of its sender. The oldest go after a set time and beyond a set
number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.store.database import Reader, Transaction

MARKED, CLEAN, UNSCORED = "spam.marked", "spam.clean", "spam.unscored"  # counted each minute
_COLUMNS = "message, time, points, marked, reasons, domain"
_INSERT = f"INSERT INTO spam_scores ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608
_DOMAIN = 255  # characters
_NAMED = 12  # reasons of one message
_NAME = 64  # characters of a reason's name: those of other scorers are theirs
ORDERS = {
    "-time": "message DESC",
    "time": "message",
    "-points": "points DESC, message DESC",
    "points": "points, message DESC",
}
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Scored:
    """One message. `reasons`: names and points, the weightiest first. `domain`: its sender's, empty for <>."""

    message: int
    time: float
    points: float
    marked: bool
    reasons: tuple[tuple[str, float], ...]
    domain: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages. `part`: of the domain or of the name of a reason; `marked`: those, or the others."""

    part: str = ""
    marked: bool | None = None
    least: float | None = None  # points
    most: float | None = None


@dataclass(slots=True)
class Weight:
    """How often a reason was given to messages that were marked and to others, and how many points it brought."""

    marked: int = 0
    clean: int = 0
    marked_points: float = 0.0
    clean_points: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What some messages scored: `bins` counts points by equal steps, `weights` the reasons by their names."""

    number: int
    marked: int
    oldest: float | None  # seconds since 1970
    bins: tuple[int, ...]
    weights: dict[str, Weight] = field(default_factory=dict)


def note(transaction: Transaction, message: int, sender: str, found: Mapping[str, Any]) -> None:
    """Keep what the trace of a message has of its score, and count it. Nothing of one that nobody scored."""
    if not found:
        return
    if "points" not in found:
        transaction.count(UNSCORED)
        return
    reasons = [(str(name)[:_NAME], points) for name, points in list(found["reasons"].items())[:_NAMED]]
    domain = sender.rpartition("@")[2].lower()[:_DOMAIN]
    marked = bool(found["marked"])
    transaction.execute(_INSERT, (message, transaction.now, found["points"], int(marked), _encode(reasons), domain))
    transaction.count(MARKED if marked else CLEAN)


def get(reader: Reader, message: int) -> Scored | None:
    """What a message scored, while it is known."""
    row = reader.row(f"SELECT {_COLUMNS} FROM spam_scores WHERE message = ?", (message,))  # noqa: S608
    return _read(row) if row else None


def find(reader: Reader, wanted: Wanted, order: str, most: int, offset: int = 0) -> list[Scored]:
    """Messages, in one of ORDERS."""
    condition, parameters = _condition(wanted)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM spam_scores WHERE {condition} ORDER BY {ORDERS[order]} LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, offset),
    )
    return [_read(row) for row in rows]


def number(reader: Reader, wanted: Wanted) -> int:
    """How many there are."""
    condition, parameters = _condition(wanted)
    found: int = reader.value(f"SELECT count(*) FROM spam_scores WHERE {condition}", parameters)  # noqa: S608
    return found


def points(reader: Reader, last: int) -> list[tuple[int, float, bool]]:
    """Of the last so many messages: id, points, and whether it was marked. The newest first."""
    rows = reader.rows("SELECT message, points, marked FROM spam_scores ORDER BY message DESC LIMIT ?", (last,))
    return [(message, points, bool(marked)) for message, points, marked in rows]


def picture(reader: Reader, last: int, lowest: float, width: float, bins: int) -> Picture:
    """The last so many messages. What is below `lowest` is in the first bin, what is past the last bin in that."""
    counts, weights = [0] * bins, dict[str, Weight]()
    total, spam, oldest = 0, 0, None
    for row in reader.execute(
        f"SELECT {_COLUMNS} FROM spam_scores ORDER BY message DESC LIMIT ?",  # noqa: S608
        (last,),
    ):
        one = _read(row)
        total, spam, oldest = total + 1, spam + one.marked, one.time
        counts[min(bins - 1, max(0, int((one.points - lowest) // width)))] += 1
        for name, brought in one.reasons:
            weight = weights.setdefault(name, Weight())
            if one.marked:
                weight.marked += 1
                weight.marked_points += brought
            else:
                weight.clean += 1
                weight.clean_points += brought
    return Picture(total, spam, oldest, tuple(counts), weights)


def forget(transaction: Transaction, before: float, keep: int, piece: int) -> int:
    """Delete, of the oldest `piece`, those from before that time and those beyond the newest `keep`; how many."""
    last = transaction.value("SELECT message FROM spam_scores ORDER BY message DESC LIMIT 1 OFFSET ?", (keep,))
    return transaction.execute(
        "DELETE FROM spam_scores WHERE message IN (SELECT message FROM spam_scores ORDER BY message LIMIT ?)"
        " AND (time < ? OR message <= ?)",
        (piece, before, -1 if last is None else last),
    ).rowcount


def _condition(wanted: Wanted) -> tuple[str, tuple[Any, ...]]:
    conditions, parameters = ["1"], list[Any]()
    if wanted.part:
        conditions.append("(instr(domain, ?) OR instr(lower(reasons), ?))")
        parameters += [wanted.part.lower()] * 2
    if wanted.marked is not None:
        conditions.append("marked = ?")
        parameters.append(int(wanted.marked))
    if wanted.least is not None:
        conditions.append("points >= ?")
        parameters.append(wanted.least)
    if wanted.most is not None:
        conditions.append("points < ?")
        parameters.append(wanted.most)
    return " AND ".join(conditions), tuple(parameters)


def _read(row: Sequence[Any]) -> Scored:
    message, time, points, marked, reasons, domain = row
    return Scored(message, time, points, bool(marked), read_reasons(reasons), domain)


def read_reasons(written: str) -> tuple[tuple[str, float], ...]:
    """Names and points, as they are kept."""
    return tuple((name[:_NAME], points) for name, points in json.loads(written))


def write_reasons(reasons: Sequence[tuple[str, float]]) -> str:
    """The same, to be kept."""
    return _encode(reasons)
