"""What people said of messages that were marked, and of others that were not: was the mark right?

A report is made with a lesson, by whoever has the message. It keeps what was made of the message, so that it can be
read when the score itself is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from backend.store import spam_scores
from backend.store.database import Reader, Transaction
from backend.store.spam_lessons import HAM, SPAM
from backend.store.spam_scores import Scored

WRONG = {"false-positive": (HAM, 1), "false-negative": (SPAM, 0)}  # what it is, as people say, and its mark
_COLUMNS = "digest, kind, time, reporter, message, points, marked, reasons, domain"
_ASKED = 500  # ids in one statement


@dataclass(frozen=True, slots=True)
class Report:
    """One message. `kind`: spam or ham, as `reporter` says; `message` is None where only its header told the mark."""

    digest: str
    kind: str
    time: float  # of the report, seconds since 1970
    reporter: str
    message: int | None
    points: float
    marked: bool
    reasons: tuple[tuple[str, float], ...]
    domain: str


def mark_of(reader: Reader, identities: Sequence[int], message_id: str) -> Scored | None:
    """What was made of a message: of the first of these ids that is known, whose Message-ID agrees; or else of the
    newest with that Message-ID.
    """
    for identity in identities:
        known = reader.row("SELECT message_id FROM events WHERE message = ? AND stage = 'accept'", (identity,))
        scored = spam_scores.get(reader, identity)
        if scored is not None and (known is None or (known[0] or "") == message_id):
            return scored
    if not message_id:
        return None
    rows = reader.rows(
        "SELECT message FROM events WHERE message_id = ? AND message IS NOT NULL ORDER BY message DESC LIMIT ?",
        (message_id, 10),
    )
    found = (spam_scores.get(reader, identity) for (identity,) in rows)
    return next((scored for scored in found if scored is not None), None)


def put(transaction: Transaction, digest: str, kind: str, reporter: str, scored: Scored) -> None:
    """Keep what somebody says, in place of what was said of the same message before. `scored.message` 0: not known."""
    forget_one(transaction, digest)
    transaction.execute(
        f"INSERT INTO spam_reports ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            digest,
            kind,
            transaction.now,
            reporter,
            scored.message or None,
            scored.points,
            int(scored.marked),
            spam_scores.write_reasons(scored.reasons),
            scored.domain,
        ),
    )


def forget_one(transaction: Transaction, digest: str) -> None:
    """The lesson was taken back."""
    transaction.execute("DELETE FROM spam_reports WHERE digest = ?", (digest,))


def find(reader: Reader, what: str | None, part: str, most: int, offset: int = 0) -> list[Report]:
    """The newest first. `what`: one of WRONG, None for those whose mark was right too."""
    condition, parameters = _condition(what, part)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM spam_reports WHERE {condition} ORDER BY time DESC, digest LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, offset),
    )
    return [_read(row) for row in rows]


def number(reader: Reader, what: str | None = None, part: str = "", since: float = 0.0) -> int:
    """How many there are."""
    condition, parameters = _condition(what, part)
    sql = f"SELECT count(*) FROM spam_reports WHERE {condition} AND time >= ?"  # noqa: S608
    found: int = reader.value(sql, (*parameters, since))
    return found


def kinds(reader: Reader, messages: Collection[int]) -> dict[int, str]:
    """Of these messages, what people said of those that they reported."""
    found: dict[int, str] = {}
    some = list(messages)
    for start in range(0, len(some), _ASKED):
        part = some[start : start + _ASKED]
        marks = ", ".join("?" * len(part))
        sql = f"SELECT message, kind FROM spam_reports WHERE message IN ({marks}) ORDER BY time"  # noqa: S608
        found.update(reader.rows(sql, part))
    return found


def forget(transaction: Transaction, before: float) -> int:
    """Delete reports from before that time; how many."""
    return transaction.execute("DELETE FROM spam_reports WHERE time < ?", (before,)).rowcount


def _condition(what: str | None, part: str) -> tuple[str, tuple[Any, ...]]:
    conditions, parameters = ["1"], list[Any]()
    if what is not None:
        conditions.append("kind = ? AND marked = ?")
        parameters += WRONG[what]
    if part:
        conditions.append("(instr(domain, ?) OR instr(reporter, ?) OR instr(lower(reasons), ?))")
        parameters += [part.lower(), part, part.lower()]
    return " AND ".join(conditions), tuple(parameters)


def _read(row: Sequence[Any]) -> Report:
    digest, kind, time, reporter, message, points, marked, reasons, domain = row
    return Report(
        digest, kind, time, reporter, message, points, bool(marked), spam_scores.read_reasons(reasons), domain
    )
