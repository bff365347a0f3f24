"""Operators: the people who run the service, their keys and what else opens the door to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import BadInput, Denied
from backend.store.database import Reader, Transaction

ACTIVE, SUSPENDED = STATES = ("active", "suspended")
SYSADMIN = "sysadmin"  # the role that somebody must always have
_COLUMNS = "id, name, role, password, totp, totp_step, must_change, state, created, seen, theme"
_KEY_COLUMNS = "fingerprint, algorithm, blob, comment, created, used"


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator. `password` is an argon2id hash, `totp` a secret in base32; None: there is none."""

    id: int
    name: str
    role: str
    password: str | None
    totp: str | None
    totp_step: int  # the last time step whose code was used
    must_change: bool
    state: str
    created: float
    seen: float | None  # the last log-in
    theme: str


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of an operator. `blob` is the base64 of RFC 4253 §6.6."""

    fingerprint: str  # SHA256:..., as OpenSSH writes it
    algorithm: str
    blob: str
    comment: str
    created: float
    used: float | None


def find(reader: Reader, name: str) -> Operator | None:
    """The operator of that name."""
    row = reader.row(f"SELECT {_COLUMNS} FROM operators WHERE name = ?", (name,))  # noqa: S608
    return None if row is None else _operator(row)


def known(reader: Reader, name: str) -> Operator:
    """The same; BadInput when there is none."""
    found = find(reader, name)
    if found is None:
        raise BadInput(f"There is no operator {name!r}; `mailconsole operator list` shows them.")
    return found


def everybody(reader: Reader) -> list[Operator]:
    """All operators by name."""
    return [_operator(row) for row in reader.rows(f"SELECT {_COLUMNS} FROM operators ORDER BY name")]  # noqa: S608


def keys(reader: Reader, operator: int) -> list[Key]:
    """The keys of an operator, oldest first."""
    sql = f"SELECT {_KEY_COLUMNS} FROM operator_keys WHERE operator = ? ORDER BY id"  # noqa: S608
    return [Key(*row) for row in reader.rows(sql, (operator,))]


def owners(reader: Reader, algorithm: str, blob: str) -> list[str]:
    """The names of the active operators who have this public key."""
    sql = (
        "SELECT name FROM operators JOIN operator_keys ON operator = operators.id"
        " WHERE algorithm = ? AND blob = ? AND state = ? ORDER BY name"
    )
    return [str(name) for (name,) in reader.rows(sql, (algorithm, blob, ACTIVE))]


def add(transaction: Transaction, name: str, role: str, password: str | None, *, must_change: bool) -> Operator:
    """A new operator. `password` is a hash; None: only a key will open the door."""
    if find(transaction, name) is not None:
        raise BadInput(f"There is an operator {name} already.")
    transaction.execute(
        "INSERT INTO operators (name, role, password, totp_step, must_change, state, created, theme)"
        " VALUES (?, ?, ?, 0, ?, 'active', ?, '')",
        (name, role, password, int(must_change), transaction.now),
    )
    return known(transaction, name)


def set_role(transaction: Transaction, name: str, role: str) -> None:
    """Another role, from the next action on. Denied when nobody would be sysadmin."""
    if role != SYSADMIN:
        _another_sysadmin(transaction, name)
    _change(transaction, name, role=role)


def set_state(transaction: Transaction, name: str, state: str) -> None:
    """Let an operator in, or not any more. Denied when nobody would be sysadmin."""
    if state != ACTIVE:
        _another_sysadmin(transaction, name)
    _change(transaction, name, state=state)


def set_password(transaction: Transaction, name: str, password: str | None, *, must_change: bool) -> None:
    """Another hash; `must_change`: it is good for one log-in, in which another password is chosen."""
    _change(transaction, name, password=password, must_change=int(must_change))


def set_totp(transaction: Transaction, name: str, secret: str | None) -> None:
    """Ask for codes made with this secret, or for none."""
    _change(transaction, name, totp=secret, totp_step=0)


def set_theme(transaction: Transaction, name: str, theme: str) -> None:
    """The colours that the console opens with."""
    _change(transaction, name, theme=theme)


def use_step(transaction: Transaction, name: str, step: int) -> bool:
    """Whether no code of this time step or a later one was used; it is used now (RFC 6238 §5.2)."""
    sql = "UPDATE operators SET totp_step = ? WHERE name = ? AND totp_step < ?"
    return transaction.execute(sql, (step, name, step)).rowcount > 0


def delete(transaction: Transaction, name: str) -> None:
    """Delete an operator with all keys. Denied when nobody would be sysadmin."""
    found = known(transaction, name)
    _another_sysadmin(transaction, name)
    transaction.execute("DELETE FROM operator_keys WHERE operator = ?", (found.id,))
    transaction.execute("DELETE FROM operators WHERE id = ?", (found.id,))


def add_key(transaction: Transaction, name: str, fingerprint: str, algorithm: str, blob: str, comment: str) -> None:
    """One more key; BadInput when the operator has it already."""
    operator = known(transaction, name).id
    if transaction.row("SELECT 1 FROM operator_keys WHERE operator = ? AND fingerprint = ?", (operator, fingerprint)):
        raise BadInput(f"{name} has this key already: {fingerprint}.")
    transaction.execute(
        "INSERT INTO operator_keys (operator, fingerprint, algorithm, blob, comment, created)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (operator, fingerprint, algorithm, blob, comment, transaction.now),
    )


def delete_key(transaction: Transaction, name: str, fingerprint: str) -> None:
    """One key less; BadInput when the operator has no such key."""
    operator = known(transaction, name).id
    sql = "DELETE FROM operator_keys WHERE operator = ? AND fingerprint = ?"
    if transaction.execute(sql, (operator, fingerprint)).rowcount == 0:
        raise BadInput(f"{name} has no key {fingerprint[:60]!r}; `mailconsole operator list` shows them.")


def logged_in(transaction: Transaction, operator: Operator, fingerprint: str) -> None:
    """Remember when an operator came, and with which key."""
    transaction.execute("UPDATE operators SET seen = ? WHERE id = ?", (transaction.now, operator.id))
    transaction.execute(
        "UPDATE operator_keys SET used = ? WHERE operator = ? AND fingerprint = ?",
        (transaction.now, operator.id, fingerprint),
    )


def _another_sysadmin(reader: Reader, name: str) -> None:
    others = reader.value(
        "SELECT count(*) FROM operators WHERE role = ? AND state = ? AND name <> ?", (SYSADMIN, ACTIVE, name)
    )
    if not others and known(reader, name).role == SYSADMIN:
        raise Denied(f"{name} is the last active sysadmin; make another one first: mailconsole operator add.")


def _change(transaction: Transaction, name: str, **values: Any) -> None:
    columns = ", ".join(f"{column} = ?" for column in values)
    sql = f"UPDATE operators SET {columns} WHERE name = ?"  # noqa: S608
    if transaction.execute(sql, (*values.values(), name)).rowcount == 0:
        known(transaction, name)


def _operator(row: Sequence[Any]) -> Operator:
    identity, name, role, password, totp, step, must_change, *rest = row
    return Operator(identity, name, role, password, totp, step, bool(must_change), *rest)
