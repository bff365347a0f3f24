"""How much an account sends: what is usual for it, and what is done about one that sends far more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from backend import ids
from backend.store import trace
from backend.store.database import Reader, Transaction

State = Literal["slow", "forgiven"]
HOUR, DAY = 3_600, 86_400
_DAYS = 28  # that "usual" looks back on


@dataclass(frozen=True, slots=True)
class Throttle:
    """An account that sent far more than usual. `slow`: it may send little; `forgiven`: a person has let it go on."""

    account: int
    address: str
    state: State
    since: float
    until: float
    recipients: int  # in the day that was too much
    usual: float  # recipients a day


def count(transaction: Transaction, recipients: Iterable[tuple[int, int]]) -> None:
    """Add (account, recipients) to today."""
    day = int(transaction.now // DAY)
    transaction.executemany(
        "INSERT INTO account_days (account, day, recipients) VALUES (?, ?, ?) ON CONFLICT (account, day)"
        " DO UPDATE SET recipients = account_days.recipients + excluded.recipients",
        [(account, day, number) for account, number in recipients],
    )


def usual(reader: Reader, account: int, now: float) -> float:
    """Recipients on a day on which it sent at all, of the last four weeks, today left out."""
    today = int(now // DAY)
    found = reader.value(
        "SELECT avg(recipients) FROM account_days WHERE account = ? AND day BETWEEN ? AND ?",
        (account, today - _DAYS, today - 1),
    )
    return float(found or 0.0)


def throttles(reader: Reader, now: float) -> list[Throttle]:
    """Those that count now, the newest first."""
    rows = reader.rows(
        "SELECT t.account, a.address, t.state, t.since, t.until, t.recipients, t.usual FROM throttles t"
        " JOIN accounts a ON a.id = t.account WHERE t.until > ? ORDER BY t.since DESC",
        (now,),
    )
    return [Throttle(*row) for row in rows]


def slow_down(
    transaction: Transaction, account: int, address: str, recipients: int, usual: float, until: float
) -> tuple[State, bool]:
    """Slow the account down, unless it is already, or was forgiven: what holds now, and whether that is new."""
    row = transaction.row("SELECT state, until FROM throttles WHERE account = ?", (account,))
    if row is not None and row[1] > transaction.now:
        return row[0], False
    transaction.execute(
        "INSERT INTO throttles (account, state, since, until, recipients, usual) VALUES (?, 'slow', ?, ?, ?, ?)"
        " ON CONFLICT (account) DO UPDATE SET state = 'slow', since = excluded.since, until = excluded.until,"
        " recipients = excluded.recipients, usual = excluded.usual",
        (account, transaction.now, until, recipients, usual),
    )
    detail = {"account": address, "recipients": recipients, "usual": round(usual, 1)}
    trace.add(transaction, "rate", "throttled", session=ids.text(ids.new()), sender=address, detail=detail)
    return "slow", True


def forgive(transaction: Transaction, account: int, until: float) -> Throttle | None:
    """Let it go on until that time, whatever it sends; what it was slowed down for. None when it was not."""
    found = next((one for one in throttles(transaction, transaction.now) if one.account == account), None)
    if found is None or found.state != "slow":
        return None
    transaction.execute("UPDATE throttles SET state = 'forgiven', until = ? WHERE account = ?", (until, account))
    detail = {"account": found.address}
    trace.add(transaction, "rate", "forgiven", session=ids.text(ids.new()), sender=found.address, detail=detail)
    return found


def forget(transaction: Transaction) -> None:
    """What is over."""
    transaction.execute("DELETE FROM account_days WHERE day < ?", (int(transaction.now // DAY) - _DAYS - 1,))
    transaction.execute("DELETE FROM throttles WHERE until < ?", (transaction.now,))
