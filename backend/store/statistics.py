"""Figures of each minute: accepted, delivered, relayed, deferred, rejected, bounced. Counted with the commits."""

from __future__ import annotations

from backend.store.database import Reader, Transaction

NAMES = ("accepted", "delivered", "relayed", "deferred", "rejected", "bounced")


def minutes(reader: Reader, since: float, until: float) -> list[tuple[int, dict[str, int]]]:
    """For each minute from `since` up to `until` (seconds since 1970), its start and its figures, zeros included."""
    first, last = int(since) // 60, int(until) // 60
    figures = {minute: dict.fromkeys(NAMES, 0) for minute in range(first, last + 1)}
    for minute, name, number in reader.execute(
        "SELECT minute, name, number FROM minutes WHERE minute BETWEEN ? AND ?", (first, last)
    ):
        if name in figures[minute]:  # what checks found is counted there too
            figures[minute][name] = number
    return [(minute * 60, figures[minute]) for minute in sorted(figures)]


def forget(transaction: Transaction, before: float) -> int:
    """Delete figures from before that time; answers how many."""
    return transaction.execute("DELETE FROM minutes WHERE minute < ?", (int(before) // 60,)).rowcount
