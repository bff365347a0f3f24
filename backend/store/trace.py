"""Events: what happened to every message and every refused connection. Never a body, a subject or a secret.

Stages: connect, tls, helo, auth, mail, rcpt, data, accept, local, remote, queue, notice. Verdicts: accepted,
rejected, deferred, delivered, relayed, failed, held, released, retried, deleted, sent, closed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend import ids
from backend.store.database import Reader, Transaction

_COLUMNS = "time, stage, verdict, message, session, peer, sender, recipient, message_id, detail"
_INSERT = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `detail` holds what the stage knows: the reply, the host, the size, the delay in seconds."""

    time: float
    stage: str
    verdict: str
    message: int | None
    session: str | None
    peer: str | None
    sender: str | None
    recipient: str | None
    message_id: str | None
    detail: dict[str, Any]


def add(
    transaction: Transaction,
    stage: str,
    verdict: str,
    *,
    message: int | None = None,
    session: str | None = None,
    peer: str | None = None,
    sender: str | None = None,
    recipient: str | None = None,
    message_id: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one event, as of now."""
    transaction.execute(
        _INSERT,
        (
            transaction.now,
            stage,
            verdict,
            message,
            session,
            peer,
            sender,
            recipient,
            message_id,
            _encode(detail) if detail else None,
        ),
    )


def add_many(
    transaction: Transaction,
    stage: str,
    verdict: str,
    message: int,
    recipients: Sequence[tuple[str, dict[str, Any] | None]],
) -> None:
    """Write the same event for many recipients of one message, each with its own detail."""
    transaction.executemany(
        "INSERT INTO events (time, stage, verdict, message, recipient, detail) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (transaction.now, stage, verdict, message, recipient, _encode(detail) if detail else None)
            for recipient, detail in recipients
        ],
    )


def find(reader: Reader, subject: str, most: int = 500) -> list[Event]:
    """The story behind a queue id, a Message-ID, an address or an IP: its newest `most` messages, oldest event first.

    Whole stories: a message that one event names brings all its events along.
    """
    messages: set[int] = set()
    single: list[int] = []
    number = ids.parse(subject)
    if number is not None:
        messages.add(number)
    bracketed = subject if subject.startswith("<") else f"<{subject}>"
    for column, value in (
        ("message_id", bracketed),
        ("sender", subject),
        ("recipient", subject),
        ("peer", subject),
    ):
        for identity, message in reader.execute(
            f"SELECT id, message FROM events WHERE {column} = ? ORDER BY id DESC LIMIT ?",  # noqa: S608
            (value, most),
        ):
            if message is None:
                single.append(identity)
            else:
                messages.add(message)
    events: dict[int, Event] = {}
    for column, keys in (("message", sorted(messages)[-most:]), ("id", sorted(single)[-most:])):
        for start in range(0, len(keys), 200):
            some = keys[start : start + 200]
            marks = ",".join("?" * len(some))
            for row in reader.execute(f"SELECT id, {_COLUMNS} FROM events WHERE {column} IN ({marks})", some):  # noqa: S608
                events[row[0]] = _event(row)
    return [events[key] for key in sorted(events)]


def _event(row: tuple[Any, ...]) -> Event:
    return Event(*row[1:10], json.loads(row[10]) if row[10] else {})  # type: ignore[call-arg]


def forget(transaction: Transaction, before: float, most: int = 1_000) -> int:
    """Delete events older than `before`, at most `most` of them; answers how many. Ids grow with time."""
    first = transaction.value("SELECT min(id) FROM events")
    if first is None:
        return 0
    return transaction.execute("DELETE FROM events WHERE id < ? AND time < ?", (first + most, before)).rowcount
