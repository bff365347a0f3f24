"""What was deleted, kept with all that it takes to put it back, until its time is over.

A deletion takes rows out of their tables and keeps them here; what they count (a message's references, an account's
mailboxes) stays counted until it is purged. One that is done in pieces is one batch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import BadInput
from backend.store import messages, overrides, trace
from backend.store.database import Reader, Transaction

Rows = list[dict[str, Any]]
Content = dict[str, Rows]  # by table
_COLUMNS = "id, batch, time, until, actor, action, summary"
_PIECE = 500  # messages let go of in one transaction


@dataclass(frozen=True, slots=True)
class Deletion:
    """One batch. `id` is that of its first piece."""

    id: int
    time: float
    until: float
    actor: str
    action: str
    summary: str


def take(transaction: Transaction, table: str, condition: str, parameters: Sequence[Any]) -> Rows:
    """Take rows out of a table; what they were."""
    cursor = transaction.execute(f"SELECT * FROM {table} WHERE {condition}", tuple(parameters))  # noqa: S608
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    transaction.execute(f"DELETE FROM {table} WHERE {condition}", tuple(parameters))  # noqa: S608
    return rows


def keep(
    transaction: Transaction, *, until: float, actor: str, action: str, summary: str, content: Content, batch: int = 0
) -> int:
    """Keep what was taken; the number of the batch. `batch`: a further piece of that one, BadInput unless it is the
    same deletion of the same actor: who may undo a batch is judged by its first piece.
    """
    if batch:
        first = transaction.row("SELECT actor, action FROM deletions WHERE id = ? AND batch = id", (batch,))
        if first != (actor, action):
            raise BadInput(f"U{batch} is not a deletion of yours that this belongs to.")
    identity: int = transaction.value(
        "INSERT INTO deletions (batch, time, until, actor, action, summary, rows) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (batch, transaction.now, until, actor, action, summary, json.dumps(content)),
    )
    if batch:
        return batch
    transaction.execute("UPDATE deletions SET batch = id WHERE id = ?", (identity,))
    return identity


def find(reader: Reader, batch: int) -> Deletion | None:
    """The batch of that number, when it can still be taken back."""
    rows = _read(reader, "batch = ? ORDER BY id LIMIT 1", (batch,))
    return rows[0] if rows else None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which batches. `action` is one, or the name before the dot of many."""

    part: str = ""
    actor: str | None = None
    action: str | None = None


def latest(reader: Reader, wanted: Filter, most: int, offset: int = 0) -> list[Deletion]:
    """The newest batches first."""
    condition, parameters = _condition(wanted)
    return _read(reader, f"{condition} ORDER BY id DESC LIMIT ? OFFSET ?", (*parameters, most, offset))


def number(reader: Reader, wanted: Filter) -> int:
    """How many batches there are."""
    condition, parameters = _condition(wanted)
    found: int = reader.value(f"SELECT count(*) FROM deletions WHERE {condition}", parameters)  # noqa: S608
    return found


def _condition(wanted: Filter) -> tuple[str, tuple[Any, ...]]:
    conditions, parameters = ["batch = id"], list[Any]()
    if wanted.part:
        conditions.append("(instr(summary, ?) OR instr(actor, ?) OR instr(action, ?))")
        parameters += [wanted.part] * 3
    if wanted.actor is not None:
        conditions.append("actor = ?")
        parameters.append(wanted.actor)
    if wanted.action is not None:
        conditions.append("(action = ? OR action >= ? AND action < ?)")
        parameters += [wanted.action, f"{wanted.action}.", f"{wanted.action}/"]
    return " AND ".join(conditions), tuple(parameters)


def put_back(transaction: Transaction, batch: int) -> int | None:
    """Put the last piece of a batch back; how many rows that were, None when there is no piece left. BadInput when its
    place is taken meanwhile.
    """
    piece = transaction.row("SELECT id, rows FROM deletions WHERE batch = ? ORDER BY id DESC LIMIT 1", (batch,))
    if piece is None:
        return None
    content: Content = json.loads(piece[1])
    for table in content:
        _PUT[table](transaction, content[table])
    transaction.execute("DELETE FROM deletions WHERE id = ?", (piece[0],))
    transaction.directory_changed = True
    return sum(len(rows) for rows in content.values())


def purge(transaction: Transaction) -> bool:
    """Forget one piece whose time is over, with what only it still held; whether there may be more to do."""
    piece = transaction.row(
        "SELECT id, rows FROM deletions WHERE until < ? ORDER BY until, id DESC LIMIT 1", (transaction.now,)
    )
    if piece is None:
        return False
    content: Content = json.loads(piece[1])
    for row in content.get("queue", []):
        messages.release(transaction, row["message"])
    for row in content.get("quarantine", []):
        messages.release(transaction, row["message"])
    for row in content.get("accounts", []):
        if _empty(transaction, row["id"]):
            return True  # there is more of it: the same piece once more
    transaction.execute("DELETE FROM deletions WHERE id = ?", (piece[0],))
    return True


def _empty(transaction: Transaction, account: int) -> bool:
    """Delete a piece of the mail of an account that is gone, and its mailboxes with the last; whether there is more."""
    rows = transaction.rows(
        "SELECT mail.id, mail.message FROM mail JOIN mailboxes ON mail.mailbox = mailboxes.id"
        " WHERE mailboxes.account = ? LIMIT ?",
        (account, _PIECE),
    )
    for identity, message in rows:
        transaction.execute("DELETE FROM mail WHERE id = ?", (identity,))
        messages.release(transaction, message)
    if len(rows) == _PIECE:
        return True
    for table in ("mailboxes", "vacation_answers"):
        transaction.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608
    return False


def _read(reader: Reader, condition: str, parameters: Sequence[Any]) -> list[Deletion]:
    rows = reader.rows(f"SELECT {_COLUMNS} FROM deletions WHERE {condition}", tuple(parameters))  # noqa: S608
    return [Deletion(row[0], *row[2:]) for row in rows]


# -- putting back


def _insert(transaction: Transaction, table: str, rows: Rows) -> None:
    for row in rows:
        columns = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
        transaction.execute(sql, tuple(row.values()))


def _put_accounts(transaction: Transaction, rows: Rows) -> None:
    for row in rows:
        _own_domain(transaction, row["address"])
        if transaction.row("SELECT 1 FROM accounts WHERE address = ?", (row["address"],)):
            raise BadInput(f"There is an account {row['address']} again; delete that one first.")
    _insert(transaction, "accounts", rows)


def _put_aliases(transaction: Transaction, rows: Rows) -> None:
    for row in rows:
        _own_domain(transaction, row["address"])
        if transaction.row("SELECT 1 FROM aliases WHERE address = ? AND target = ?", (row["address"], row["target"])):
            raise BadInput(f"{row['address']} goes to {row['target']} again already.")
    _insert(transaction, "aliases", rows)


def _put_domains(transaction: Transaction, rows: Rows) -> None:
    for row in rows:
        if transaction.row("SELECT 1 FROM domains WHERE name = ?", (row["name"],)):
            raise BadInput(f"{row['name']} is one of our domains again already.")
    _insert(transaction, "domains", rows)


def _put_hold_rules(transaction: Transaction, rows: Rows) -> None:
    _insert(transaction, "hold_rules", rows)


def _put_access_rules(transaction: Transaction, rows: Rows) -> None:
    for row in rows:
        same = (row["verdict"], row["kind"], row["what"])
        if transaction.row("SELECT 1 FROM access_rules WHERE verdict = ? AND kind = ? AND what = ?", same):
            raise BadInput(f"There is a rule to {' '.join(same)} again; delete that one first.")
    _insert(transaction, "access_rules", rows)


def _put_quarantine(transaction: Transaction, rows: Rows) -> None:
    _insert(transaction, "quarantine", rows)
    for row in rows:
        trace.add(transaction, "quarantine", "restored", message=row["message"], sender=row["sender"])


def _put_queue(transaction: Transaction, rows: Rows) -> None:
    """Entries wait again: a held one is held, any other is due now."""
    now = transaction.now
    for row in rows:
        row["lease"] = None
        if row["state"] != "held":
            row["due"] = now
    _insert(transaction, "queue", rows)
    for domain, total in Counter(row["domain"] for row in rows).items():
        mine = [row for row in rows if row["domain"] == domain]
        due = min(row["due"] for row in mine)
        states = Counter(row["state"] for row in mine)
        transaction.execute(
            "INSERT INTO destinations (domain, total, deferred, held, due) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (domain) DO UPDATE SET total = destinations.total + excluded.total,"
            " deferred = destinations.deferred + excluded.deferred, held = destinations.held + excluded.held,"
            " due = CASE WHEN excluded.due < destinations.due THEN excluded.due ELSE destinations.due END",
            (domain, total, states["deferred"], states["held"], due),
        )


def _put_contained(transaction: Transaction, rows: Rows) -> None:
    from backend.store import containment  # it holds the queue, whose rules come here themselves when they are deleted

    containment.take_back(transaction, rows)


def _own_domain(transaction: Transaction, address: str) -> None:
    domain = address.rpartition("@")[2]
    if transaction.row("SELECT 1 FROM domains WHERE name = ?", (domain,)) is None:
        raise BadInput(f"{domain} is not one of our domains any more; add it first.")


_PUT: dict[str, Callable[[Transaction, Rows], None]] = {
    "domains": _put_domains,
    "accounts": _put_accounts,
    "app_passwords": lambda transaction, rows: _insert(transaction, "app_passwords", rows),
    "vacations": lambda transaction, rows: _insert(transaction, "vacations", rows),
    "aliases": _put_aliases,
    "queue": _put_queue,
    "hold_rules": _put_hold_rules,
    "access_rules": _put_access_rules,
    "quarantine": _put_quarantine,
    "overrides": overrides.put_back,
    "contained": _put_contained,
}
