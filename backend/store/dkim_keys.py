"""Keys that sign mail. The private half leaves this module by `signing` only, and is deleted when a key is revoked.

It is here and not in files of its own because every process that signs, on whatever machine, has the store; a key and
its state change in one transaction; and a backup holds what it takes to go on signing.

    waiting --(the DNS shows it)--> active --(the next pair is active)--> retiring --(the overlap is over)--> revoked
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.errors import BadInput, Denied
from backend.store.database import Reader, Transaction

_COLUMNS = "id, domain, selector, pair, algorithm, state, public, created, published, changed, looked, dns"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One key, without its private half."""

    id: int
    domain: str
    selector: str
    pair: str  # the keys that were made together
    algorithm: str  # rsa-sha256 or ed25519-sha256
    state: str  # waiting, active, retiring, revoked
    public: str  # base64, as it is published
    created: float
    published: float | None  # when the DNS first showed it right
    changed: float  # when it came into its state
    looked: float | None  # when the DNS was last asked
    dns: str  # what it showed then: right, missing, different, silent; empty before


@dataclass(frozen=True, slots=True)
class Made:
    """A new key."""

    selector: str
    algorithm: str
    public: str
    private: bytes


@dataclass(frozen=True, slots=True)
class Private:
    """What it takes to sign. Never part of an answer, an event or the audit log."""

    domain: str
    selector: str
    algorithm: str
    data: bytes

    def __repr__(self) -> str:
        return f"Private({self.selector}._domainkey.{self.domain})"


def everything(reader: Reader, domain: str | None = None) -> list[DkimKey]:
    """All keys, or those of a domain, the newest first."""
    condition, parameters = ("1 = 1", ()) if domain is None else ("domain = ?", (domain,))
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM dkim_keys WHERE {condition} ORDER BY domain, id DESC",  # noqa: S608
        parameters,
    )
    return [DkimKey(*row) for row in rows]


def domains(reader: Reader) -> frozenset[str]:
    """Those of our domains that have keys which sign."""
    return frozenset(
        row[0]
        for row in reader.execute(
            "SELECT DISTINCT domain FROM dkim_keys WHERE state = 'active' AND domain IN (SELECT name FROM domains)"
        )
    )


def signing(reader: Reader, domain: str) -> list[Private]:
    """The active keys of a domain of ours, RSA first."""
    rows = reader.rows(
        "SELECT domain, selector, algorithm, private FROM dkim_keys WHERE domain = ? AND state = 'active'"
        " AND private IS NOT NULL AND domain IN (SELECT name FROM domains) ORDER BY algorithm DESC",
        (domain,),
    )
    return [Private(*row) for row in rows]


def add(transaction: Transaction, domain: str, pair: str, keys: Sequence[Made]) -> list[DkimKey]:
    """A new pair that waits for the DNS; BadInput when one waits already, or the name is taken."""
    known = everything(transaction, domain)
    if any(key.state == "waiting" for key in known):
        raise BadInput(f"{domain} has new keys that wait already; `dkim text {domain}` shows what to publish.")
    if any(key.pair == pair for key in known):
        raise BadInput(f"{domain} has keys of the name {pair} already.")
    for key in keys:
        transaction.execute(
            "INSERT INTO dkim_keys (domain, selector, pair, algorithm, state, public, private, created, changed, dns)"
            " VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, ?, '')",
            (domain, key.selector, pair, key.algorithm, key.public, key.private, transaction.now, transaction.now),
        )
    return [key for key in everything(transaction, domain) if key.pair == pair]


def looked(transaction: Transaction, identity: int, dns: str) -> None:
    """Note what the DNS showed of a key."""
    transaction.execute(
        "UPDATE dkim_keys SET dns = ?, looked = ?, published = CASE WHEN ? = 'right' THEN coalesce(published, ?)"
        " WHEN state = 'waiting' AND ? <> 'silent' THEN NULL ELSE published END WHERE id = ?",
        (dns, transaction.now, dns, transaction.now, dns, identity),
    )


def waiting(reader: Reader, domain: str, before: float) -> bool:
    """Whether a pair waits, and the DNS has shown all of it since `before`."""
    rows = reader.rows("SELECT published FROM dkim_keys WHERE domain = ? AND state = 'waiting'", (domain,))
    return bool(rows) and all(published is not None and published <= before for (published,) in rows)


def use(transaction: Transaction, domain: str) -> list[DkimKey]:
    """Sign with the keys that wait; those that signed before begin to retire. BadInput when none waits."""
    if not any(key.state == "waiting" for key in everything(transaction, domain)):
        raise BadInput(f"{domain} has no keys that wait; `dkim rotate {domain}` makes the next ones.")
    _move(transaction, domain, "active", "retiring")
    _move(transaction, domain, "waiting", "active")
    return [key for key in everything(transaction, domain) if key.state == "active"]


def retire(transaction: Transaction, domain: str, before: float) -> list[DkimKey]:
    """Revoke what has been retiring since `before`; which keys that were."""
    due = [key for key in everything(transaction, domain) if key.state == "retiring" and key.changed <= before]
    for key in due:
        _revoke(transaction, key)
    return due


def revoke(transaction: Transaction, domain: str, selector: str) -> DkimKey:
    """Never sign with a key again, and destroy its private half; it is to be published as revoked."""
    key = _find(transaction, domain, selector)
    if key.state == "revoked":
        raise BadInput(f"{selector} of {domain} is revoked already.")
    _revoke(transaction, key)
    return key


def delete(transaction: Transaction, domain: str, selector: str) -> DkimKey:
    """Forget a key that signs nothing any more, or has never signed."""
    key = _find(transaction, domain, selector)
    if key.state not in ("waiting", "revoked"):
        raise Denied(f"{selector} of {domain} is {key.state}: mail that it signed is still under way. Revoke it first.")
    transaction.execute("DELETE FROM dkim_keys WHERE id = ?", (key.id,))
    return key


def _find(reader: Reader, domain: str, selector: str) -> DkimKey:
    for key in everything(reader, domain):
        if key.selector == selector:
            return key
    raise BadInput(f"{domain} has no key {selector[:60]!r}; `mailconsole dkim list` has them all.")


def _move(transaction: Transaction, domain: str, before: str, after: str) -> None:
    transaction.execute(
        "UPDATE dkim_keys SET state = ?, changed = ? WHERE domain = ? AND state = ?",
        (after, transaction.now, domain, before),
    )
    transaction.directory_changed = True


def _revoke(transaction: Transaction, key: DkimKey) -> None:
    transaction.execute(
        "UPDATE dkim_keys SET state = 'revoked', private = NULL, changed = ? WHERE id = ?", (transaction.now, key.id)
    )
    transaction.directory_changed = True
