"""Log-ins, and tries at one: who, from where, and what came of it. It answers "why can't she log in?"."""

from __future__ import annotations

from dataclasses import dataclass

from backend.store.database import Reader, Transaction

OK = "ok"
WRONG, NOBODY, SUSPENDED, LOCKED = "wrong password", "no such account", "suspended", "locked out"
UNCHANGED, EXPIRED, BUSY = "one-time password not changed", "one-time password expired", "too many at once"
_TOGETHER = 600.0  # seconds within which the same again is one row


@dataclass(frozen=True, slots=True)
class Login:
    """`number` times the same, the last one at `time`. `way`: password, or `app NAME`."""

    account: str
    time: float
    peer: str
    service: str
    way: str
    outcome: str
    number: int


def record(
    transaction: Transaction, account: str, peer: str, service: str, outcome: str, way: str = "password"
) -> None:
    """Write one down. A busy client makes one row in ten minutes, and so does one that guesses."""
    same = transaction.value(
        "UPDATE logins SET time = ?, number = number + 1 WHERE id = (SELECT id FROM logins WHERE account = ?"
        " AND time > ? AND peer = ? AND service = ? AND way = ? AND outcome = ? LIMIT 1) RETURNING id",
        (transaction.now, account, transaction.now - _TOGETHER, peer, service, way, outcome),
    )
    if same is None:
        transaction.execute(
            "INSERT INTO logins (account, time, peer, service, way, outcome, number) VALUES (?, ?, ?, ?, ?, ?, 1)",
            (account, transaction.now, peer, service, way, outcome),
        )
    if outcome == OK:
        transaction.execute("UPDATE accounts SET seen = ? WHERE address = ?", (transaction.now, account))


def latest(reader: Reader, account: str, most: int = 20) -> list[Login]:
    """The newest first."""
    rows = reader.rows(
        "SELECT account, time, peer, service, way, outcome, number FROM logins"
        " WHERE account = ? ORDER BY time DESC, id DESC LIMIT ?",
        (account, most),
    )
    return [Login(*row) for row in rows]


def forget(transaction: Transaction, before: float, most: int = 1_000) -> int:
    """Delete those older than `before`, at most `most` of them; answers how many."""
    return transaction.execute(
        "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE time < ? ORDER BY time LIMIT ?)", (before, most)
    ).rowcount
