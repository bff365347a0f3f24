"""Notices: what a sender is still to be told of a recipient (RFC 3461). Kept until the DSN itself is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Notice:
    """`action` as in RFC 3464 §2.3.3: failed, delayed, delivered, relayed or expanded."""

    recipient: str
    action: str
    status: str  # enhanced status code
    reply: str = ""  # what the other side said, or why we gave up
    mta: str = ""  # who said it; empty: we
    orcpt: str | None = None
    time: float = 0.0  # seconds since 1970; 0: now
    until: float | None = None  # when a delayed one is given up


@dataclass(frozen=True, slots=True)
class Due:
    """The notices of one message, to be told in one DSN."""

    message: int
    ids: tuple[int, ...]
    notices: tuple[Notice, ...]


def tell(transaction: Transaction, message: int, notices: Sequence[Notice]) -> None:
    """Keep notices. The caller counts each as a reference to the message."""
    transaction.executemany(
        "INSERT INTO notices (message, recipient, orcpt, action, status, reply, mta, time, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                message,
                notice.recipient,
                notice.orcpt,
                notice.action,
                notice.status,
                notice.reply,
                notice.mta,
                notice.time or transaction.now,
                notice.until,
            )
            for notice in notices
        ],
    )


def due(reader: Reader, most: int = 50) -> list[Due]:
    """The oldest messages with notices, at most `most` of them."""
    identities = [
        row[0] for row in reader.execute("SELECT DISTINCT message FROM notices ORDER BY message LIMIT ?", (most,))
    ]
    found = []
    for message in identities:
        rows = reader.rows(
            "SELECT id, recipient, action, status, reply, mta, orcpt, time, until FROM notices"
            " WHERE message = ? ORDER BY id",
            (message,),
        )
        found.append(Due(message, tuple(row[0] for row in rows), tuple(Notice(*row[1:]) for row in rows)))
    return found


def remove(transaction: Transaction, notices: Sequence[int]) -> int:
    """Forget notices that have been told; answers how many were still there."""
    marks = ",".join("?" * len(notices))
    return transaction.execute(f"DELETE FROM notices WHERE id IN ({marks})", tuple(notices)).rowcount  # noqa: S608
