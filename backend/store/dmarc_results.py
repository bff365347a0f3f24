"""DMARC results to report on, and what was sent: a row for each address and outcome of a day, however much mail."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from backend.store.database import Reader, Row, Transaction

DAY = 86_400
_ADD_POLICY = (
    "INSERT INTO dmarc_policies (day, domain, record) SELECT ?, ?, ? WHERE ? > 0"
    " ON CONFLICT (day, domain) DO UPDATE SET record = excluded.record"
)
_SENT = "id, time, day, domain, recipient, message, sources, messages, outcome"
_COLUMNS = "source, disposition, spf, dkim, reason, comment, header_from, envelope_from, results"
_ADD = (
    f"INSERT INTO dmarc_results (day, domain, key, {_COLUMNS}, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT (day, domain, key) DO UPDATE SET number = dmarc_results.number + excluded.number"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Mail of one kind: from one address, with one outcome. `results`: what SPF and DKIM said, as JSON knows it."""

    source: str
    disposition: str
    spf: str  # pass, fail: aligned or not
    dkim: str
    reason: str
    comment: str
    header_from: str
    envelope_from: str
    results: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Day:
    """A domain of which there was mail on a day that is not reported on yet; `record` is its policy, as it was last."""

    day: int
    domain: str
    record: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A report of ours, or the reason why there was none. `message` is the id of its mail, None when none was sent."""

    id: int
    time: float
    day: int
    domain: str
    recipient: str
    message: int | None
    sources: int
    messages: int
    outcome: str


def count(transaction: Transaction, domain: str, record: str, seen: Seen) -> None:
    """One more message of that kind, for the owner of `domain`."""
    day = int(transaction.now) // DAY
    values = (
        seen.source,
        seen.disposition,
        seen.spf,
        seen.dkim,
        seen.reason,
        seen.comment,
        seen.header_from,
        seen.envelope_from,
        json.dumps(seen.results),
    )
    key = hashlib.blake2b("\0".join(values).encode("utf-8", "replace"), digest_size=16).hexdigest()
    transaction.add_up(_ADD, (day, domain, key, *values))
    transaction.add_up(_ADD_POLICY, (day, domain, record))


def waiting(reader: Reader, today: int, most: int) -> list[Day]:
    """The days before `today` that are not reported on yet, those with the most mail first."""
    rows = reader.rows(
        "SELECT p.day, p.domain, p.record FROM dmarc_policies p LEFT JOIN dmarc_results r"
        " ON r.day = p.day AND r.domain = p.domain WHERE p.day < ? GROUP BY p.day, p.domain"
        " ORDER BY p.day, sum(r.number) DESC LIMIT ?",
        (today, most),
    )
    return [Day(*row) for row in rows]


def rows_of(reader: Reader, day: Day, most: int) -> tuple[list[tuple[Seen, int]], int, int]:
    """What there was of a domain on a day, the most frequent first; how many rows there are, and messages."""
    found = reader.rows(
        f"SELECT {_COLUMNS}, number FROM dmarc_results WHERE day = ? AND domain = ? ORDER BY number DESC LIMIT ?",  # noqa: S608
        (day.day, day.domain, most),
    )
    total = reader.row(
        "SELECT count(*), coalesce(sum(number), 0) FROM dmarc_results WHERE day = ? AND domain = ?",
        (day.day, day.domain),
    )
    assert total is not None
    return [(_seen(row), row[9]) for row in found], total[0], total[1]


def _seen(row: Row) -> Seen:
    values: Row = (*row[:8], _read(row[8]))
    return Seen(*values)


def done(transaction: Transaction, day: Day) -> bool:
    """That day is reported on; False when it was already."""
    gone = transaction.execute("DELETE FROM dmarc_policies WHERE day = ? AND domain = ?", (day.day, day.domain))
    transaction.execute("DELETE FROM dmarc_results WHERE day = ? AND domain = ?", (day.day, day.domain))
    return gone.rowcount > 0


def note_sent(
    transaction: Transaction, day: Day, recipient: str, sizes: tuple[int, int], outcome: str, message: int | None
) -> None:
    """Remember a report. `sizes`: sources and messages in it; `outcome`: "sent", or why it was not."""
    transaction.execute(
        "INSERT INTO dmarc_sent (time, day, domain, recipient, message, sources, messages, outcome)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (transaction.now, day.day, day.domain, recipient, message, *sizes, outcome),
    )


def sent_on(reader: Reader, day: int) -> int:
    """How many reports about a day were sent."""
    number: int = reader.value(
        "SELECT count(DISTINCT domain) FROM dmarc_sent WHERE day = ? AND message IS NOT NULL", (day,)
    )
    return number


def sent(reader: Reader, domain: str, limit: int, offset: int) -> tuple[list[Sent], int]:
    """What was sent, the newest first, and how many there are. `domain`: only those with this in them."""
    part = f"%{_escaped(domain)}%"
    where = "domain LIKE ? ESCAPE '\\'"
    total: int = reader.value(f"SELECT count(*) FROM dmarc_sent WHERE {where}", (part,))  # noqa: S608
    rows = reader.rows(
        f"SELECT {_SENT} FROM dmarc_sent WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608
        (part, limit, offset),
    )
    return [Sent(*row) for row in rows], total


def forget(transaction: Transaction, before: float) -> None:
    """Delete what was sent before that time, and days that nobody has reported on for a week."""
    transaction.execute("DELETE FROM dmarc_sent WHERE time < ?", (before,))
    oldest = int(transaction.now) // DAY - 7
    transaction.execute("DELETE FROM dmarc_policies WHERE day < ?", (oldest,))
    transaction.execute("DELETE FROM dmarc_results WHERE day < ?", (oldest,))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _read(text: str) -> list[dict[str, str]]:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
