"""Settings that were set in the service itself: they count over the file's, until somebody takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import BadInput
from backend.store.database import Reader, Transaction

SPAM_THRESHOLD = "spam.threshold"


@dataclass(frozen=True, slots=True)
class Override:
    """One setting. `value` is as it would stand in the file."""

    key: str
    value: str
    time: float  # seconds since 1970
    author: str


def get(reader: Reader, key: str) -> Override | None:
    """What was set here; None when the file counts."""
    row = reader.row("SELECT key, value, time, author FROM overrides WHERE key = ?", (key,))
    return Override(*row) if row else None


def every(reader: Reader) -> list[Override]:
    """All of them."""
    return [Override(*row) for row in reader.rows("SELECT key, value, time, author FROM overrides ORDER BY key")]


def threshold(reader: Reader, of_file: float) -> float:
    """The points from which on a message is spam, in force now."""
    found = get(reader, SPAM_THRESHOLD)
    return of_file if found is None else float(found.value)


def put(transaction: Transaction, key: str, value: str | None, author: str) -> dict[str, Any]:
    """Set it, or with None let the file count again. What takes it back: a row for `put_back`."""
    before = get(transaction, key)
    _write(transaction, key, value, transaction.now, author)
    row = {"key": key, "now": value, "value": None, "time": None, "author": None}
    return row if before is None else {**row, "value": before.value, "time": before.time, "author": before.author}


def put_back(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Take changes back. BadInput for one after which the setting was changed again."""
    for row in rows:
        present = get(transaction, row["key"])
        if (present.value if present else None) != row["now"]:
            raise BadInput(f"{row['key']} was changed again since; take that back first.")
        _write(transaction, row["key"], row["value"], row["time"], row["author"])


def _write(transaction: Transaction, key: str, value: str | None, time: float, author: str) -> None:
    transaction.execute("DELETE FROM overrides WHERE key = ?", (key,))
    if value is not None:
        transaction.execute(
            "INSERT INTO overrides (key, value, time, author) VALUES (?, ?, ?, ?)", (key, value, time, author)
        )
    transaction.directory_changed = True  # every worker looks again with its next message
