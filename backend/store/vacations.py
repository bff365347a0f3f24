"""Vacations: what is answered for whom, to whom it was answered already, and which messages may want an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Vacation:
    """Of one account. Times are seconds since 1970; None: no such end. `subject` may be empty: made from the mail's."""

    account: int
    enabled: bool
    starts: float | None
    ends: float | None
    subject: str
    text: str
    days: int  # once a sender in so many
    changed: float

    def on(self, now: float) -> bool:
        """Whether mail is answered at this time."""
        return self.enabled and (self.starts or 0.0) <= now and (self.ends is None or now < self.ends)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that came for an account with a vacation."""

    id: int
    message: int
    account: int


def find(reader: Reader, account: int) -> Vacation | None:
    """The vacation of an account, None when it never had one."""
    row = reader.row(
        "SELECT account, enabled, starts, ends, subject, text, days, changed FROM vacations WHERE account = ?",
        (account,),
    )
    return None if row is None else Vacation(row[0], bool(row[1]), *row[2:])


def is_on(reader: Reader, account: int, now: float) -> bool:
    """Whether mail to the account is answered now."""
    found = find(reader, account)
    return found is not None and found.on(now)


def put(transaction: Transaction, vacation: Vacation) -> None:
    """Set it. Everybody is answered anew (RFC 5230 §4.2: other words are another answer)."""
    transaction.execute("DELETE FROM vacation_answers WHERE account = ?", (vacation.account,))
    transaction.execute(
        "INSERT INTO vacations (account, enabled, starts, ends, subject, text, days, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET enabled = excluded.enabled,"
        " starts = excluded.starts, ends = excluded.ends, subject = excluded.subject, text = excluded.text,"
        " days = excluded.days, changed = excluded.changed",
        (
            vacation.account,
            int(vacation.enabled),
            vacation.starts,
            vacation.ends,
            vacation.subject,
            vacation.text,
            vacation.days,
            vacation.changed,
        ),
    )


def switch_off(transaction: Transaction, account: int) -> None:
    """Answer nobody any more; who is away again later answers everybody anew."""
    transaction.execute("UPDATE vacations SET enabled = 0 WHERE account = ?", (account,))
    transaction.execute("DELETE FROM vacation_answers WHERE account = ?", (account,))


def remove(transaction: Transaction, account: int) -> None:
    """Forget all about an account's vacation."""
    for table in ("vacations", "vacation_answers"):
        transaction.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608


# -- messages that may want an answer


def note(transaction: Transaction, message: int, mailboxes: Sequence[int]) -> int:
    """Copies were delivered to these mailboxes: keep the message in mind for each whose account is on vacation. How
    often, for the caller to count as references. Costs one look at an empty table when nobody is away.
    """
    if transaction.row("SELECT 1 FROM vacations WHERE enabled = 1 LIMIT 1") is None:
        return 0
    number = 0
    for mailbox in mailboxes:
        number += transaction.execute(
            "INSERT INTO vacation_due (message, account) SELECT ?, vacations.account FROM mailboxes"
            " JOIN vacations ON vacations.account = mailboxes.account WHERE mailboxes.id = ? AND enabled = 1"
            " AND coalesce(starts, 0) <= ? AND (ends IS NULL OR ends > ?)",
            (message, mailbox, transaction.now, transaction.now),
        ).rowcount
    return number


def due(reader: Reader, most: int = 50) -> list[Due]:
    """The oldest that wait, at most `most` of them."""
    return [
        Due(*row) for row in reader.rows("SELECT id, message, account FROM vacation_due ORDER BY id LIMIT ?", (most,))
    ]


def settle(transaction: Transaction, one: Due) -> bool:
    """It is decided; False when it was already. The caller lets go of the message."""
    return transaction.execute("DELETE FROM vacation_due WHERE id = ?", (one.id,)).rowcount > 0


def answered(reader: Reader, account: int, sender: str, since: float) -> bool:
    """Whether the sender was answered after `since`."""
    sql = "SELECT 1 FROM vacation_answers WHERE account = ? AND sender = ? AND time > ?"
    return reader.row(sql, (account, sender, since)) is not None


def answers_since(reader: Reader, account: int, since: float) -> int:
    """How many senders were answered after `since`."""
    sql = "SELECT count(*) FROM vacation_answers WHERE account = ? AND time > ?"
    number: int = reader.value(sql, (account, since))
    return number


def answer(transaction: Transaction, account: int, sender: str) -> None:
    """Remember that the sender has its answer."""
    transaction.execute(
        "INSERT INTO vacation_answers (account, sender, time) VALUES (?, ?, ?)"
        " ON CONFLICT (account, sender) DO UPDATE SET time = excluded.time",
        (account, sender, transaction.now),
    )


def forget(transaction: Transaction, before: float) -> int:
    """Delete answers older than `before`; how many."""
    return transaction.execute("DELETE FROM vacation_answers WHERE time < ?", (before,)).rowcount
