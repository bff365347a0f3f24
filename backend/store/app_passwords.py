"""App passwords: one for each program that logs in to an account, made here and taken away one by one.

They are random and long, so what is kept is a plain SHA-256: nobody can try 2^79 of them, and a busy client costs no
64 MiB of argon2id each time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from backend.errors import BadInput
from backend.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class AppPassword:
    """One of them."""

    name: str
    created: float
    used: float | None


def digest(word: str) -> str:
    """What is kept of a password."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


def of(reader: Reader, account: int) -> list[AppPassword]:
    """Those of an account, by name."""
    sql = "SELECT name, created, used FROM app_passwords WHERE account = ? ORDER BY name"
    return [AppPassword(*row) for row in reader.rows(sql, (account,))]


def find(reader: Reader, account: int, word: str) -> str | None:
    """The name of the one that this is."""
    sql = "SELECT name FROM app_passwords WHERE account = ? AND password = ?"
    found: str | None = reader.value(sql, (account, digest(word)))
    return found


def add(transaction: Transaction, account: int, name: str, word: str, most: int) -> None:
    """One more; BadInput when the account has one of that name, or `most` of them."""
    known = of(transaction, account)
    if name in {one.name for one in known}:
        raise BadInput(f"There is an app password {name!r} already; choose another name, or delete that one.")
    if len(known) >= most:
        raise BadInput(f"An account has at most {most} app passwords; delete one that is not used any more.")
    transaction.execute(
        "INSERT INTO app_passwords (account, name, password, created) VALUES (?, ?, ?, ?)",
        (account, name, digest(word), transaction.now),
    )


def delete(transaction: Transaction, account: int, name: str) -> None:
    """One less; BadInput when there is none of that name."""
    if transaction.execute("DELETE FROM app_passwords WHERE account = ? AND name = ?", (account, name)).rowcount == 0:
        raise BadInput(f"There is no app password {name[:60]!r}.")


def used(transaction: Transaction, account: int, name: str) -> None:
    """Somebody logged in with it."""
    transaction.execute(
        "UPDATE app_passwords SET used = ? WHERE account = ? AND name = ?", (transaction.now, account, name)
    )
