"""Stopping one of ours who sends viruses, an account or a host. What was done is kept, so that it can be taken back."""

from __future__ import annotations

from typing import Any

from backend.errors import BadInput
from backend.store import access, accounts, alerts, queue
from backend.store.access_patterns import Pattern
from backend.store.database import Reader, Transaction

Rows = list[dict[str, Any]]


def suspend(transaction: Transaction, address: str) -> Rows:
    """Refuse log-ins to an account; nothing when it is suspended already. BadInput when there is none."""
    account = accounts.account(transaction, address)
    if account is None:
        raise BadInput(f"There is no account {address}; `mailconsole user list` shows them.")
    rows = _handle(transaction, alerts.about(transaction, account=address))
    if account.state != "suspended":
        accounts.set_state(transaction, address, "suspended")
        rows.append({"account": address, "state": account.state})
    return rows


def refuse(transaction: Transaction, host: Pattern, *, owner: str, reason: str, until: float) -> Rows:
    """Refuse all mail of a host; nothing when a rule does already."""
    rows = _handle(transaction, alerts.about(transaction, peer=host.what))
    rule = access.add(transaction, access.DENY, host, owner=owner, reason=reason, until=until)
    if rule is not None:
        rows.append({"rule": rule})
    return rows


def done(transaction: Transaction, identities: list[int]) -> Rows:
    """Somebody has seen to these alerts."""
    return _handle(transaction, identities)


def waiting(reader: Reader, *, account: str | None, peer: str | None, after: int, most: int) -> list[int]:
    """Entries of the queue behind that one which an account or a host sent, and that are not held."""
    column, value = ("account", account) if account is not None else ("peer", peer)
    rows = reader.rows(
        "SELECT queue.id FROM queue JOIN messages ON messages.id = queue.message"  # noqa: S608
        f" WHERE queue.id > ? AND queue.state <> 'held' AND messages.{column} = ? ORDER BY queue.id LIMIT ?",
        (after, value, most),
    )
    return [row[0] for row in rows]


def hold(transaction: Transaction, entries: list[int]) -> Rows:
    """Stop the delivery of entries, but for those that are on their way at this moment."""
    held = queue.hold(transaction, entries)
    return [
        {"entry": row, "message": transaction.value("SELECT message FROM queue WHERE id = ?", (row,))} for row in held
    ]


def take_back(transaction: Transaction, rows: Rows) -> None:
    """As it was before; what somebody has changed since is left as it is."""
    for row in rows:
        if "alert" in row:
            transaction.execute("UPDATE alerts SET handled = ? WHERE id = ?", (row["handled"], row["alert"]))
        elif "account" in row:
            account = accounts.account(transaction, row["account"])
            if account is not None and account.state == "suspended":
                accounts.set_state(transaction, row["account"], row["state"])
        elif "rule" in row:
            access.delete(transaction, [row["rule"]])
        elif transaction.value("SELECT message FROM queue WHERE id = ?", (row["entry"],)) == row["message"]:
            queue.release(transaction, [row["entry"]])


def _handle(transaction: Transaction, identities: list[int]) -> Rows:
    now = transaction.now
    return [{"alert": one, "handled": alerts.handle(transaction, one, now)} for one in identities]
