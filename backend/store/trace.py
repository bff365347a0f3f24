"""Events: what happened to every message and every refused connection. Never a body, a subject or a secret.

Stages: connect, tls, helo, auth, mail, rcpt, data, accept, alias, local, remote, queue, notice, vacation, quarantine,
probe.
Verdicts: accepted, rejected, deferred, expanded, delivered, relayed, failed, held, released, retried, deleted,
restored, expired, sent, skipped, closed, removed. Each pair has its sentence in `backend.management.sentences`;
`backend.store.stories` finds and reads them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.store.database import Reader, Transaction

_COLUMNS = "time, stage, verdict, message, session, peer, sender, recipient, message_id, detail"
_INSERT = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `detail` holds what the stage knows: the reply, the host, the size, the delay in seconds."""

    id: int
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


def read(reader: Reader, where: str, parameters: Sequence[Any]) -> list[Event]:
    """The events of a condition in SQL, which may go on with its order and its limit. For modules of the store."""
    return [_event(row) for row in reader.execute(f"SELECT id, {_COLUMNS} FROM events WHERE {where}", parameters)]  # noqa: S608


def of_message(reader: Reader, message: int, most: int = 500) -> list[Event]:
    """The newest `most` events of a message, the oldest first."""
    return read(reader, "message = ? ORDER BY id DESC LIMIT ?", (message, most))[::-1]


def _event(row: tuple[Any, ...]) -> Event:
    return Event(*row[:10], json.loads(row[10]) if row[10] else {})  # type: ignore[call-arg]


def forget(transaction: Transaction, before: float, most: int = 1_000) -> int:
    """Delete events older than `before`, at most `most` of them; answers how many. Ids grow with time."""
    first = transaction.value("SELECT min(id) FROM events")
    if first is None:
        return 0
    return transaction.execute("DELETE FROM events WHERE id < ? AND time < ?", (first + most, before)).rowcount
