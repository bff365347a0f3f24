"""Lockouts: who failed to log in too often has to wait.

Keys: `a:alice@example.org` an account, `o:olga` an operator, `c:olga` the one-time codes of
an operator, `i:192.0.2.1` a network address.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Lockout:
    """Failed log-ins in a row."""

    key: str
    failures: int
    lockouts: int
    until: float  # no log-in before this time, seconds since 1970


def lockout(reader: Reader, key: str) -> Lockout | None:
    """The failed log-ins of an account or an address, None when there are none."""
    row = reader.row('SELECT key, failures, lockouts, "until" FROM lockouts WHERE key = ?', (key,))
    return None if row is None else Lockout(*row)


def fail(transaction: Transaction, key: str, failures: int, first: float, longest: float) -> Lockout:
    """Count a failed log-in; every `failures` in a row lock for `first` seconds, doubled each time up to `longest`.

    A day without a failure forgets the ones before.
    """
    known = transaction.row('SELECT failures, lockouts, "until", last FROM lockouts WHERE key = ?', (key,))
    number, lockouts, until, last = known or (0, 0, 0.0, transaction.now)
    if transaction.now - last > 86_400:
        number = lockouts = 0
    number += 1
    if number >= failures:
        until = transaction.now + min(longest, first * 2.0 ** min(lockouts, 30))
        number, lockouts = 0, lockouts + 1
    transaction.execute(
        'INSERT INTO lockouts (key, failures, lockouts, "until", last) VALUES (?, ?, ?, ?, ?)'
        " ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, lockouts = excluded.lockouts,"
        ' "until" = excluded."until", last = excluded.last',
        (key, number, lockouts, until, transaction.now),
    )
    return Lockout(key, number, lockouts, until)


def unlock(transaction: Transaction, key: str) -> bool:
    """Forget failed log-ins; whether there were any."""
    return transaction.execute("DELETE FROM lockouts WHERE key = ?", (key,)).rowcount > 0


def forget(transaction: Transaction, before: float) -> int:
    """Delete those without a failure since `before`, a day ago or more, when they count no more; answers how many."""
    sql = 'DELETE FROM lockouts WHERE last < ? AND "until" < ?'
    return transaction.execute(sql, (before, transaction.now)).rowcount


def locked(reader: Reader, now: float) -> list[Lockout]:
    """Who is locked out at the moment."""
    return [
        Lockout(*row)
        for row in reader.rows('SELECT key, failures, lockouts, "until" FROM lockouts WHERE "until" > ?', (now,))
    ]
