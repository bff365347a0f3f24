"""Policies of other domains (MTA-STS, RFC 8461), kept for as long as they say."""

from __future__ import annotations

from dataclasses import dataclass

from backend.store.database import Reader, Transaction

_COLUMNS = "domain, id, mode, mx, max_age, fetched, expires, used"
_MOST = 100_000  # kept: those that were not used for the longest time go first
_PIECE = 500  # deleted at once


@dataclass(frozen=True, slots=True)
class Kept:
    """One policy. Times in seconds since 1970."""

    domain: str
    id: str
    mode: str  # enforce, testing, none
    mx: tuple[str, ...]
    max_age: int
    fetched: float
    expires: float
    used: float


def get(reader: Reader, domain: str, now: float) -> Kept | None:
    """The policy of a domain, unless it is over."""
    row = reader.row(f"SELECT {_COLUMNS} FROM sts_policies WHERE domain = ? AND expires > ?", (domain, now))  # noqa: S608
    return None if row is None else _kept(row)


def put(transaction: Transaction, policy: Kept) -> None:
    """Keep a policy in place of the one that was known."""
    transaction.execute(
        "INSERT INTO sts_policies (domain, id, mode, mx, max_age, fetched, expires, used)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (domain) DO UPDATE SET id = excluded.id, mode = excluded.mode,"
        " mx = excluded.mx, max_age = excluded.max_age, fetched = excluded.fetched, expires = excluded.expires,"
        " used = excluded.used",
        (
            policy.domain,
            policy.id,
            policy.mode,
            "\n".join(policy.mx),
            policy.max_age,
            policy.fetched,
            policy.expires,
            policy.used,
        ),
    )


def use(transaction: Transaction, domain: str) -> None:
    """Somebody has mail for that domain now."""
    transaction.execute("UPDATE sts_policies SET used = ? WHERE domain = ?", (transaction.now, domain))


def aging(reader: Reader, fetched_before: float, used_since: float, most: int) -> list[Kept]:
    """Policies that are in use and were fetched long ago, the oldest first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM sts_policies WHERE fetched < ? AND used >= ? ORDER BY fetched LIMIT ?",  # noqa: S608
        (fetched_before, used_since, most),
    )
    return [_kept(row) for row in rows]


def forget(transaction: Transaction) -> int:
    """Delete policies that are over, and what is too much; answers how many there were."""
    gone = transaction.execute(
        "DELETE FROM sts_policies WHERE domain IN (SELECT domain FROM sts_policies WHERE expires <= ? LIMIT ?)",
        (transaction.now, _PIECE),
    ).rowcount
    excess = transaction.value("SELECT count(*) FROM sts_policies") - _MOST
    if excess > 0:
        gone += transaction.execute(
            "DELETE FROM sts_policies WHERE domain IN (SELECT domain FROM sts_policies ORDER BY used LIMIT ?)",
            (min(excess, _PIECE),),
        ).rowcount
    return gone


def _kept(row: tuple[object, ...]) -> Kept:
    domain, identity, mode, mx, *rest = row
    return Kept(domain, identity, mode, tuple(str(mx).split("\n")) if mx else (), *rest)  # type: ignore[arg-type]
