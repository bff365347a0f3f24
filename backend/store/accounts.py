"""Domains, accounts and aliases.

Addresses are kept as `Address.key` writes them: folded local part, domain in A-labels. Every function that
changes them raises BadInput with a sentence, and tells the other processes (see `generation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend import clock
from backend.address import Address, fold
from backend.errors import BadInput, Denied
from backend.store import deletions, lockouts, mailboxes
from backend.store.database import Reader, Transaction
from backend.store.deletions import Content

STATES = ("active", "suspended")  # a suspended account gets its mail and cannot log in
JUNK: dict[str, bool | None] = {"on": True, "off": False, "site": None}  # whether marked mail goes to Junk, in words
ROLES = ("postmaster", "abuse")  # exist in every own domain, RFC 2142 and RFC 5321 §4.5.1
_DEPTH = 20  # aliases of aliases
_TARGETS = 1_000  # of one address, all aliases resolved
_COLUMNS = "id, address, password, state, quota, created, must_change, expires, password_changed, seen, junk"


@dataclass(frozen=True, slots=True)
class Account:
    """An account. `password` is an argon2id hash, None when nobody can log in."""

    id: int
    address: str
    password: str | None
    state: str
    quota: int  # bytes; 0: the site's default
    created: float
    must_change: bool = False  # the password is good for choosing another one, until `expires`
    expires: float | None = None
    password_changed: float | None = None
    seen: float | None = None  # the last log-in
    junk: bool | None = None  # whether mail marked as spam goes to Junk; None: as the site has it


@dataclass(frozen=True, slots=True)
class Alias:
    """Mail for `address` goes to `target`; an address may have many."""

    address: str
    target: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where mail for an address goes: (INBOX id, account address) of each local copy, and addresses elsewhere."""

    local: tuple[tuple[int, str], ...]
    remote: tuple[str, ...]


# -- look-ups


def own_domains(reader: Reader) -> frozenset[str]:
    """The domains whose mail ends here."""
    return frozenset(row[0] for row in reader.execute("SELECT name FROM domains"))


def account(reader: Reader, address: str) -> Account | None:
    """The account with this address (as `Address.key` writes it)."""
    row = reader.row(f"SELECT {_COLUMNS} FROM accounts WHERE address = ?", (address,))  # noqa: S608
    return None if row is None else _account(row)


def account_of(reader: Reader, identity: int) -> Account | None:
    """The account with this id."""
    row = reader.row(f"SELECT {_COLUMNS} FROM accounts WHERE id = ?", (identity,))  # noqa: S608
    return None if row is None else _account(row)


def _account(row: Sequence[Any]) -> Account:
    identity, address, password, state, quota, created, must_change, expires, changed, seen, junk = row
    wanted = None if junk is None else bool(junk)
    return Account(
        identity, address, password, state, quota, created, bool(must_change), expires, changed, seen, wanted
    )


SORTS = {
    "address": "address",
    "-address": "address DESC",
    "created": "created, id",
    "-created": "created DESC, id DESC",
    "seen": "seen, id",
    "-seen": "seen DESC, id DESC",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which accounts: a part of the address, and a state (active, suspended, locked, one-time)."""

    part: str = ""
    state: str | None = None


def find_accounts(
    reader: Reader, wanted: Filter, sort: str = "address", most: int = 500, offset: int = 0
) -> list[Account]:
    """A page of accounts."""
    condition, parameters = _condition(reader, wanted)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM accounts WHERE {condition} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, offset),
    )
    return [_account(row) for row in rows]


def number_of_accounts(reader: Reader, wanted: Filter) -> int:
    """How many there are."""
    condition, parameters = _condition(reader, wanted)
    number: int = reader.value(f"SELECT count(*) FROM accounts WHERE {condition}", parameters)  # noqa: S608
    return number


def _condition(reader: Reader, wanted: Filter) -> tuple[str, list[Any]]:
    conditions: list[str] = ["1 = 1"]
    parameters: list[Any] = []
    if wanted.part:
        conditions.append("instr(address, ?) > 0")
        parameters.append(wanted.part.lower())
    match wanted.state:
        case "locked":
            conditions.append("'a:' || address IN (SELECT key FROM lockouts WHERE \"until\" > ?)")
            parameters.append(clock.now())
        case "one-time":
            conditions.append("must_change = 1")
        case str():
            conditions.append("state = ?")
            parameters.append(wanted.state)
    return " AND ".join(conditions), parameters


def find_aliases(reader: Reader, part: str = "", most: int = 500) -> list[Alias]:
    """Aliases with `part` in the address or the target, by address."""
    rows = reader.rows(
        "SELECT address, target FROM aliases WHERE instr(address, ?) > 0 OR instr(target, ?) > 0"
        " ORDER BY address, target LIMIT ?",
        (part.lower(), part.lower(), most),
    )
    return [Alias(*row) for row in rows]


def names_of(reader: Reader, address: str) -> set[str]:
    """The address and every alias that leads to it, by however many steps."""
    found: set[str] = set()
    waiting = [address]
    while waiting and len(found) < _TARGETS:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += [row[0] for row in reader.execute("SELECT address FROM aliases WHERE target = ?", (current,))]
    return found


def resolve(reader: Reader, address: Address, separator: str, first_domain: str) -> Resolution | None:
    """Follow aliases to the end. None: the domain is ours and knows no such address.

    `separator` starts a tag that is ignored (`alice+news`); postmaster and abuse of a domain that does not name
    them go to those of `first_domain`, the site's own.
    """
    domains = own_domains(reader)
    local: dict[int, str] = {}
    remote: dict[str, None] = {}
    seen: set[str] = set()
    waiting: list[tuple[Address, int]] = [(address, 0)]
    while waiting and len(seen) <= _TARGETS:
        current, depth = waiting.pop()
        if current.domain not in domains:
            remote[str(current)] = None
            continue
        for key in _names(current, separator, first_domain):
            targets = [row[0] for row in reader.execute("SELECT target FROM aliases WHERE address = ?", (key,))]
            inbox = _inbox(reader, key)
            if inbox is not None and (not targets or key in targets or key in seen):
                local[inbox] = key
            if key not in seen and depth < _DEPTH:
                seen.add(key)
                waiting += [(_address(target), depth + 1) for target in targets if target != key]
            if targets or inbox is not None:
                break
    return Resolution(tuple(local.items()), tuple(remote)) if local or remote else None


def _names(address: Address, separator: str, first_domain: str) -> list[str]:
    local = fold(address.local)
    names = [f"{local}@{address.domain}"]
    if separator and separator in local[1:]:
        local = local[0] + local[1:].partition(separator)[0]
        names.append(f"{local}@{address.domain}")
    if local in ROLES:
        names += [f"{local}@{first_domain}", f"postmaster@{first_domain}"]
    return names


def _inbox(reader: Reader, address: str) -> int | None:
    found: int | None = reader.value(
        "SELECT mailboxes.id FROM accounts JOIN mailboxes ON mailboxes.account = accounts.id AND mailboxes.name = ?"
        " WHERE accounts.address = ?",
        (mailboxes.INBOX, address),
    )
    return found


def _address(key: str) -> Address:
    local, _, domain = key.rpartition("@")
    return Address(local, domain)


# -- changes


def found_site(transaction: Transaction, domain: str) -> None:
    """What every site has: its first domain and the postmaster's account, which nobody can log in to yet."""
    if transaction.value("SELECT 1 FROM domains WHERE name = ?", (domain,)) is None:
        add_domain(transaction, domain)
    if account(transaction, f"postmaster@{domain}") is None:
        add_account(transaction, Address("postmaster", domain), None)


def add_domain(transaction: Transaction, name: str) -> None:
    """Take mail for a domain."""
    if transaction.value("SELECT 1 FROM domains WHERE name = ?", (name,)) is not None:
        raise BadInput(f"{name} is one of our domains already.")
    transaction.execute("INSERT INTO domains (name, created) VALUES (?, ?)", (name, transaction.now))
    transaction.directory_changed = True


def delete_domain(transaction: Transaction, name: str) -> Content:
    """Stop taking mail for a domain; refused while accounts or aliases are in it. What it takes to put it back."""
    if transaction.value("SELECT 1 FROM domains WHERE name = ?", (name,)) is None:
        raise BadInput(f"{name} is not one of our domains.")
    for table in ("accounts", "aliases"):
        number = transaction.value(f"SELECT count(*) FROM {table} WHERE address LIKE ?", (f"%@{name}",))  # noqa: S608
        if number:
            raise Denied(f"{name} still has {number} {table}; delete them first.")
    transaction.directory_changed = True
    return {"domains": deletions.take(transaction, "domains", "name = ?", (name,))}


def add_account(transaction: Transaction, address: Address, password: str | None, quota: int = 0) -> Account:
    """A new account with an INBOX. `password` is a hash; None: nobody can log in."""
    _own(transaction, address)
    if account(transaction, address.key) is not None:
        raise BadInput(f"{address.key} exists already.")
    # A number that nobody has or had: the mail of a deleted account stays under its own until it is purged.
    identity: int = transaction.value(
        "SELECT max(coalesce((SELECT max(id) FROM accounts), 0), coalesce((SELECT max(account) FROM mailboxes), 0)) + 1"
    )
    transaction.execute(
        "INSERT INTO accounts (id, address, password, state, quota, created) VALUES (?, ?, ?, 'active', ?, ?)",
        (identity, address.key, password, quota, transaction.now),
    )
    mailboxes.create(transaction, identity, mailboxes.INBOX)
    transaction.directory_changed = True
    return Account(identity, address.key, password, "active", quota, transaction.now)


def set_password(
    transaction: Transaction, address: str, password: str | None, *, one_time_until: float | None = None
) -> None:
    """Replace the hash, and unlock the account. `one_time_until`: it is good until then, to choose another one with."""
    _change(
        transaction,
        address,
        password=password,
        must_change=int(one_time_until is not None),
        expires=one_time_until,
        password_changed=transaction.now,
    )
    lockouts.unlock(transaction, f"a:{address}")


def set_state(transaction: Transaction, address: str, state: str) -> None:
    """Make an account active or suspended."""
    if state not in STATES:
        raise BadInput(f"{state!r} is not a state of an account; it is one of {', '.join(STATES)}.")
    _change(transaction, address, state=state)


def set_quota(transaction: Transaction, address: str, quota: int) -> None:
    """The most bytes that the account may hold; 0: the site's default."""
    _change(transaction, address, quota=quota)


def set_junk(transaction: Transaction, address: str, junk: bool | None) -> None:
    """Whether mail that is marked as spam goes to Junk; None: as the site has it."""
    _change(transaction, address, junk=None if junk is None else int(junk))


def delete_account(transaction: Transaction, address: str, first_domain: str) -> Content:
    """Take an account away; what it takes to put it back. Its mail stays where it is until that is purged."""
    found = account(transaction, address)
    if found is None:
        raise _unknown(address)
    if address == f"postmaster@{first_domain}":
        raise Denied("The postmaster of the first domain must always be reachable (RFC 5321 §4.5.1).")
    lockouts.unlock(transaction, f"a:{address}")
    transaction.directory_changed = True
    return {
        "accounts": deletions.take(transaction, "accounts", "id = ?", (found.id,)),
        "app_passwords": deletions.take(transaction, "app_passwords", "account = ?", (found.id,)),
        "vacations": deletions.take(transaction, "vacations", "account = ?", (found.id,)),
    }


def add_alias(transaction: Transaction, address: Address, target: Address) -> Alias:
    """Send mail for `address` (ours) to `target` too. Cycles are refused; an account may be its own alias's target."""
    _own(transaction, address)
    alias = Alias(address.key, target.key if target.domain in own_domains(transaction) else str(target))
    if transaction.row("SELECT 1 FROM aliases WHERE address = ? AND target = ?", (alias.address, alias.target)):
        raise BadInput(f"{alias.address} goes to {alias.target} already.")
    if alias.address == alias.target and account(transaction, alias.address) is None:
        raise BadInput(f"{alias.address} would go to itself, and there is no such account.")
    if alias.address != alias.target and alias.address in _reached(transaction, alias.target):
        raise BadInput(f"{alias.target} already leads back to {alias.address}; the alias would be a circle.")
    transaction.execute(
        "INSERT INTO aliases (address, target, created) VALUES (?, ?, ?)",
        (alias.address, alias.target, transaction.now),
    )
    transaction.directory_changed = True
    return alias


def delete_alias(transaction: Transaction, address: str, target: str | None = None) -> Content:
    """Take one target of an alias away, or all of them; what it takes to put them back."""
    condition, parameters = ("", [address]) if target is None else (" AND target = ?", [address, target])
    rows = deletions.take(transaction, "aliases", f"address = ?{condition}", parameters)
    if not rows:
        raise BadInput(f"There is no alias {address}" + (f" to {target}." if target else "."))
    transaction.directory_changed = True
    return {"aliases": rows}


def _reached(reader: Reader, start: str) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting += [row[0] for row in reader.execute("SELECT target FROM aliases WHERE address = ?", (current,))]
    return reached


def _own(reader: Reader, address: Address) -> None:
    if address.domain not in own_domains(reader):
        raise BadInput(
            f"{address.domain} is not one of our domains; `mailconsole domain add {address.domain}` makes it one."
        )


def _change(transaction: Transaction, address: str, **values: Any) -> None:
    columns = ", ".join(f"{column} = ?" for column in values)
    sql = f"UPDATE accounts SET {columns} WHERE address = ?"  # noqa: S608
    if transaction.execute(sql, (*values.values(), address)).rowcount == 0:
        raise _unknown(address)
    transaction.directory_changed = True


def _unknown(address: str) -> BadInput:
    return BadInput(f"There is no account {address}; `mailconsole user list` shows them.")
