"""The audit log: who changed what, or looked into whose mail, or tried to.

Each row's hash covers the row and the hash before it, so a row that is changed or taken out breaks the chain. That the
newest rows are still there is what the anchor shows (`anchor.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from backend.store import anchor
from backend.store.anchor import Anchor
from backend.store.database import Reader, Transaction

_COLUMNS = ("time", "actor", "role", "origin", "key", "action", "arguments", "before", "after", "reason", "outcome")
_ALL = ", ".join(f'"{name}"' for name in ("id", *_COLUMNS, "hash"))
_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode
DONE = "done"
_COUNTED = 100_000  # rows: further nobody counts
FIRST = "0" * 64  # what the first row's hash is chained to


@dataclass(frozen=True, slots=True)
class Record:
    """One row. `before` and `after` are what the action changed, None when that does not apply. `outcome` is DONE, or
    why nothing was changed.
    """

    id: int
    time: float
    actor: str
    role: str
    origin: str
    key: str
    action: str
    arguments: dict[str, Any]
    before: Any
    after: Any
    reason: str
    outcome: str
    hash: str


def add(
    transaction: Transaction,
    *,
    actor: str,
    role: str,
    origin: str,
    key: str = "",
    action: str,
    arguments: dict[str, Any],
    before: Any = None,
    after: Any = None,
    reason: str = "",
    outcome: str = DONE,
) -> None:
    """Write one row in the transaction of the change that it records."""
    last = newest(transaction)
    row = (
        transaction.now, actor, role, origin, key, action,
        _encode(arguments), _encode(before), _encode(after), reason, outcome,
    )  # fmt: skip
    names = ", ".join(f'"{name}"' for name in (*_COLUMNS, "hash"))
    marks = ",".join("?" * (len(_COLUMNS) + 1))
    chained = _hash(last.hash if last else FIRST, row)
    identity: int = transaction.value(
        f"INSERT INTO audit ({names}) VALUES ({marks}) RETURNING id",  # noqa: S608
        (*row, chained),
    )
    written = Anchor(identity, chained)
    transaction.after_commit(partial(anchor.advance, transaction, transaction.folder, last, written))


def newest(reader: Reader) -> Anchor | None:
    """The last row, None of an empty log."""
    row = reader.row("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
    return Anchor(*row) if row else None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows. `action` is one, or the name before the dot of many; times are seconds since 1970."""

    part: str = ""
    actor: str | None = None
    action: str | None = None
    failed: bool = False
    since: float | None = None
    until: float | None = None
    before: int | None = None


def find(reader: Reader, wanted: Filter, most: int = 100, offset: int = 0) -> list[Record]:
    """A page of rows, the newest first."""
    condition, parameters = _condition(wanted)
    rows = reader.rows(
        f"SELECT {_ALL} FROM audit WHERE {condition} ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, offset),
    )
    return [_record(row) for row in rows]


def number(reader: Reader, wanted: Filter) -> int:
    """How many rows there are, up to 100,000."""
    condition, parameters = _condition(wanted)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM audit WHERE {condition} LIMIT {_COUNTED})"  # noqa: S608
    found: int = reader.value(sql, parameters)
    return found


def _condition(wanted: Filter) -> tuple[str, list[Any]]:
    conditions: list[str] = ["1 = 1"]
    parameters: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if wanted.part:
        columns = ("actor", "action", "arguments", "coalesce(reason, '')")
        add("(" + " OR ".join(f"instr({column}, ?)" for column in columns) + ")", *[wanted.part] * len(columns))
    if wanted.actor is not None:
        add("actor = ?", wanted.actor)
    if wanted.action is not None:
        add("(action = ? OR action >= ? AND action < ?)", wanted.action, f"{wanted.action}.", f"{wanted.action}/")
    if wanted.failed:
        add("outcome <> ?", DONE)
    if wanted.since is not None:
        add("time >= ?", wanted.since)
    if wanted.until is not None:
        add("time < ?", wanted.until)
    if wanted.before is not None:
        add("id < ?", wanted.before)
    return " AND ".join(conditions), parameters


@dataclass(frozen=True, slots=True)
class Proof:
    """How many rows fit, the number of the first one that does not (None when all do), how many are missing behind the
    last one, and the last one.
    """

    rows: int
    broken: int | None
    missing: int
    last: Anchor | None


def verify(reader: Reader, anchors: Iterable[Anchor] = ()) -> Proof:
    """Walk the chain. Each of `anchors` was the newest row at some time, so it must be there, and be the same."""
    known: dict[int, set[str]] = {}
    for one in anchors:
        known.setdefault(one.row, set()).add(one.hash)
    last: Anchor | None = None
    count = 0
    for row in _walk(reader):
        number, chained = row[0], row[-1]
        fits = chained == _hash(last.hash if last else FIRST, row[1:-1]) and (last is None or number == last.row + 1)
        if not fits or not known.get(number, set()) <= {chained}:
            return Proof(count, number, 0, last)
        last, count = Anchor(number, chained), count + 1
    end = last.row if last else 0
    return Proof(count, None, max(0, max(known, default=0) - end), last)


def _walk(reader: Reader) -> Iterator[tuple[Any, ...]]:
    yield from reader.execute(f"SELECT {_ALL} FROM audit ORDER BY id")  # noqa: S608


def _hash(last: str, row: tuple[Any, ...]) -> str:
    return hashlib.sha256(_encode([last, *row]).encode()).hexdigest()


def _record(row: tuple[Any, ...]) -> Record:
    return Record(*row[:7], json.loads(row[7]), json.loads(row[8]), json.loads(row[9]), *row[10:])  # type: ignore[call-arg]
