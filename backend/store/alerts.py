"""Alerts: what the postmaster must know of. What is about the same thing is one alert, however often it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.store.database import Reader, Transaction

_COLUMNS = "id, kind, subject, words, peer, account, first, last, count, told"


@dataclass(frozen=True, slots=True)
class Alert:
    """`kind`: incoming, outgoing, engine or scorer; `subject`: the signature, who sent it, or what does not work.
    `told`: when the postmaster was written to last, 0 for never.
    """

    id: int
    kind: str
    subject: str
    words: str
    peer: str | None
    account: str | None
    first: float
    last: float
    count: int
    told: float


def note(
    transaction: Transaction,
    kind: str,
    subject: str,
    words: str,
    *,
    hours: float,
    peer: str | None = None,
    account: str | None = None,
) -> tuple[Alert, bool]:
    """It has happened once more; the alert, and whether the postmaster is to be told of it now. What happened last
    longer than `hours` ago is another alert.
    """
    now = transaction.now
    row = transaction.row(
        f"SELECT {_COLUMNS} FROM alerts WHERE kind = ? AND subject = ? AND last > ? ORDER BY id DESC LIMIT 1",  # noqa: S608
        (kind, subject, now - hours * 3_600),
    )
    if row is None:
        row = transaction.row(
            "INSERT INTO alerts (kind, subject, words, peer, account, first, last, count, told)"  # noqa: S608
            f" VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) RETURNING {_COLUMNS}",
            (kind, subject, words, peer, account, now, now, now),
        )
        assert row is not None
        return _read(row), True
    tell = now - row[9] >= hours * 3_600
    row = transaction.row(
        f"UPDATE alerts SET count = count + 1, last = ?, words = ?, told = ? WHERE id = ? RETURNING {_COLUMNS}",  # noqa: S608
        (now, words, now if tell else row[9], row[0]),
    )
    assert row is not None
    return _read(row), tell


def latest(reader: Reader, *, part: str = "", most: int = 100, offset: int = 0) -> list[Alert]:
    """What happened last first. `part`: of the kind, the subject, the words, the account or the address."""
    condition, parameters = "1", list[Any]()
    if part:
        columns = ("kind", "subject", "words", "ifnull(account, '')", "ifnull(peer, '')")
        condition = "(" + " OR ".join(f"instr({column}, ?)" for column in columns) + ")"
        parameters = [part] * len(columns)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM alerts WHERE {condition} ORDER BY last DESC, id DESC LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, offset),
    )
    return [_read(row) for row in rows]


def forget(transaction: Transaction, before: float) -> None:
    """Forget what has not happened since."""
    transaction.execute("DELETE FROM alerts WHERE last < ?", (before,))


def _read(row: Sequence[Any]) -> Alert:
    return Alert(*row)
