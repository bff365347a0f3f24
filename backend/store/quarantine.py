"""Messages that were taken and kept from their recipients, until somebody releases or deletes them or their time is
over. Each counts as one reference to its message.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.store import deletions, messages, trace
from backend.store.database import Reader, Transaction
from backend.store.messages import Message

_COLUMNS = "id, message, time, until, reason, words, engines, sender, account, peer, subject, size, recipients, marked"
_PIECE = 200  # that are forgotten in one transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recipient, with what it asked for (RFC 3461 §4.1 and §4.2)."""

    address: str
    notify: str | None = None
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One message. `reason`: infected, refused type, encrypted, macros or unscannable; `engines`: what each said."""

    id: int
    message: int
    time: float
    until: float
    reason: str
    words: str
    engines: dict[str, str]
    sender: str
    account: str | None
    peer: str | None
    subject: str
    size: int
    recipients: tuple[Wanted, ...]
    marked: bool = False  # as spam, too


def put(
    transaction: Transaction,
    message: Message,
    recipients: Sequence[Wanted],
    *,
    reason: str,
    words: str,
    engines: dict[str, str],
    subject: str,
    until: float,
) -> None:
    """Take a message, for nobody yet."""
    messages.keep(transaction, message, 1)
    transaction.execute(
        "INSERT INTO quarantine (message, time, until, reason, words, engines, sender, account, peer, subject, size,"
        " recipients, marked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.id,
            transaction.now,
            until,
            reason,
            words,
            json.dumps(engines),
            message.sender,
            message.account,
            message.peer,
            subject,
            message.body.size,
            json.dumps([[one.address, one.notify, one.orcpt] for one in recipients]),
            int(message.junk is not None),
        ),
    )
    trace.add(
        transaction,
        "quarantine",
        "held",
        message=message.id,
        session=message.session,
        peer=message.peer,
        sender=message.sender,
        recipient=recipients[0].address if recipients else None,
        message_id=message.message_id,
        detail={"reason": reason, "size": message.body.size, **message.detail},
    )


SORTS = {
    "-time": "id DESC",
    "time": "id",
    "sender": "sender, id",
    "-sender": "sender DESC, id DESC",
    "reason": "reason, id",
    "-reason": "reason DESC, id DESC",
    "size": "size, id",
    "-size": "size DESC, id DESC",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages: with these parts in them, whatever the case. `part` is looked for in all that is known of a
    message; `subjects`: in its subject too, which is not everybody's to know.
    """

    part: str = ""
    reason: str | None = None
    sender: str | None = None
    recipient: str | None = None
    subjects: bool = True


_EVERYTHING = Filter()


def find(
    reader: Reader, wanted: Filter = _EVERYTHING, sort: str = "-time", most: int = 100, offset: int = 0
) -> list[Quarantined]:
    """A page of them; `sort` is one of SORTS."""
    condition, parameters = _condition(wanted)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM quarantine WHERE {condition} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, offset),
    )
    return [_read(row) for row in rows]


def number(reader: Reader, wanted: Filter = _EVERYTHING) -> int:
    """How many there are."""
    condition, parameters = _condition(wanted)
    found: int = reader.value(f"SELECT count(*) FROM quarantine WHERE {condition}", parameters)  # noqa: S608
    return found


def get(reader: Reader, identity: int) -> Quarantined | None:
    """The one of this number."""
    row = reader.row(f"SELECT {_COLUMNS} FROM quarantine WHERE id = ?", (identity,))  # noqa: S608
    return _read(row) if row else None


def delete(transaction: Transaction, identities: Sequence[int]) -> deletions.Content:
    """Take them out; what they were. The messages stay until that is purged."""
    rows: deletions.Rows = []
    for identity in identities:
        rows += deletions.take(transaction, "quarantine", "id = ?", (identity,))
    for row in rows:
        trace.add(transaction, "quarantine", "deleted", message=row["message"], sender=row["sender"])
    return {"quarantine": rows}


def release(transaction: Transaction, one: Quarantined, by: str) -> bool:
    """It is no longer kept from anybody: the caller has spread its message. False when it is gone already."""
    if transaction.execute("DELETE FROM quarantine WHERE id = ?", (one.id,)).rowcount != 1:
        return False
    trace.add(transaction, "quarantine", "released", message=one.message, sender=one.sender, detail={"by": by})
    messages.release(transaction, one.message)
    return True


def forget(transaction: Transaction) -> bool:
    """Let go of those whose time is over; whether there may be more."""
    rows = transaction.rows(
        "SELECT id, message FROM quarantine WHERE until < ? ORDER BY until LIMIT ?", (transaction.now, _PIECE)
    )
    for identity, message in rows:
        transaction.execute("DELETE FROM quarantine WHERE id = ?", (identity,))
        trace.add(transaction, "quarantine", "expired", message=message)
        messages.release(transaction, message)
    return len(rows) == _PIECE


_PARTS = ("reason", "words", "sender", "recipients", "coalesce(peer, '')", "coalesce(account, '')")


def _condition(wanted: Filter) -> tuple[str, tuple[Any, ...]]:
    conditions, parameters = ["1 = 1"], list[Any]()

    def has(part: str, *columns: str) -> None:
        conditions.append("(" + " OR ".join(f"instr(lower({column}), lower(?)) > 0" for column in columns) + ")")
        parameters.extend(json.dumps(part)[1:-1] if column == "recipients" else part for column in columns)

    if wanted.part:
        has(wanted.part, *_PARTS, *(("subject",) if wanted.subjects else ()))
    if wanted.reason is not None:
        conditions.append("reason = ?")
        parameters.append(wanted.reason)
    if wanted.sender is not None:
        has(wanted.sender, "sender")
    if wanted.recipient is not None:
        has(wanted.recipient, "recipients")
    return " AND ".join(conditions), tuple(parameters)


def _read(row: Sequence[Any]) -> Quarantined:
    engines, recipients = json.loads(row[6]), json.loads(row[12])
    wanted = tuple(Wanted(*one) for one in recipients)
    identity, message, time, until, reason, words = row[:6]
    sender, account, peer, subject, size = row[7:12]
    return Quarantined(
        identity,
        message,
        time,
        until,
        reason,
        words,
        engines,
        sender,
        account,
        peer,
        subject,
        size,
        wanted,
        marked=bool(row[13]),
    )
