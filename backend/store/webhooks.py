"""Events that wait to be posted to the site's webhook, and what became of the last ones."""

from __future__ import annotations

from dataclasses import dataclass

from backend.store.database import Reader, Transaction

WAITING, SENT, LOST = "waiting", "sent", "lost"


@dataclass(frozen=True, slots=True)
class Event:
    """One that is the caller's to post. `content` is JSON."""

    id: int
    made: float
    tries: int
    content: str


@dataclass(frozen=True, slots=True)
class State:
    """How it stands with the webhook. `words`: how the last try ended, empty while there was none."""

    waiting: int
    oldest: float | None  # of those that wait
    lost: int  # that were given up since the last one that was taken
    words: str


def put(transaction: Transaction, identity: int, content: str) -> None:
    """Keep an event until it is posted."""
    transaction.execute(
        "INSERT INTO webhooks (id, made, due, tries, state, content, words) VALUES (?, ?, ?, 0, ?, ?, '')",
        (identity, transaction.now, transaction.now, WAITING, content),
    )


def is_due(reader: Reader, now: float) -> bool:
    """Whether there is one to post."""
    return reader.value("SELECT 1 FROM webhooks WHERE state = 'waiting' AND due <= ? LIMIT 1", (now,)) is not None


def lease(transaction: Transaction, seconds: float) -> Event | None:
    """The next that is due, for nobody else to post within `seconds`; it comes back when the caller is killed."""
    now = transaction.now
    row = transaction.row(
        "UPDATE webhooks SET due = ?, tries = tries + 1 WHERE id = (SELECT id FROM webhooks"
        " WHERE state = 'waiting' AND due <= ? ORDER BY due, id LIMIT 1) RETURNING id, made, tries, content",
        (now + seconds, now),
    )
    return Event(*row) if row else None


def settle(transaction: Transaction, identity: int, state: str, words: str, wait: float = 0.0) -> None:
    """How a try ended: SENT, LOST when it is given up, or WAITING for another one in `wait` seconds."""
    transaction.execute(
        "UPDATE webhooks SET state = ?, words = ?, due = ? WHERE id = ? AND state = 'waiting'",
        (state, words, transaction.now + wait, identity),
    )


def state(reader: Reader) -> State:
    """How it stands."""
    waiting, oldest = reader.row("SELECT count(*), min(made) FROM webhooks WHERE state = 'waiting'") or (0, None)
    lost = reader.value(
        "SELECT count(*) FROM webhooks WHERE state = 'lost'"
        " AND made > (SELECT coalesce(max(made), 0) FROM webhooks WHERE state = 'sent')"
    )
    words = reader.value("SELECT words FROM webhooks WHERE words <> '' ORDER BY id DESC LIMIT 1")
    return State(waiting, oldest, lost, words or "")


def forget(transaction: Transaction, before: float) -> None:
    """Delete what was made before."""
    transaction.execute("DELETE FROM webhooks WHERE made < ?", (before,))
