"""How TLS with other mail hosts went, by day, domain and policy, for reports to them (TLS-RPT, RFC 8460) and for us."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.store.database import Reader, Transaction

NO_POLICY = "no-policy-found"
UNUSABLE = "tlsa-invalid"  # records that cannot be used: the mail goes there in TLS all the same
_ENFORCED = '"mode: enforce"'  # in the strings of an MTA-STS policy that is in force
_KINDS = 200  # different failures kept of one domain and day: more say nothing more
_OTHERS = ("", "", "", "others")


@dataclass(frozen=True, slots=True)
class Counted:
    """So many sessions of one kind. `result` is a result type of RFC 8460 §4.3, empty for a session that was good."""

    day: int  # days since 1970, UTC
    domain: str
    policy: str  # tlsa, sts, no-policy-found
    strings: str  # JSON: {"strings": [...], "mx": [...]}, the policy as it was
    result: str
    mx: str
    address: str  # of the host
    source: str  # our own
    reason: str
    number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a domain that asks for TLS. Times in seconds since 1970."""

    domain: str
    policy: str
    failing_since: float | None
    result: str | None
    mx: str | None
    reason: str | None
    last_failure: float | None
    last_success: float | None


def add(transaction: Transaction, some: Iterable[Counted]) -> None:
    """Count these sessions."""
    for one in some:
        where = (one.mx, one.address, one.source, one.reason)
        if one.result and _kinds(transaction, one) >= _KINDS:
            where = _OTHERS
        transaction.execute(
            "INSERT INTO tls_results (day, domain, policy, strings, result, mx, address, source, reason, number)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (day, domain, policy, strings, result, mx, address, source, reason)"
            " DO UPDATE SET number = tls_results.number + excluded.number",
            (one.day, one.domain, one.policy, one.strings, one.result, *where, one.number),
        )
        if one.policy != NO_POLICY:
            _stand(transaction, one)


def _kinds(reader: Reader, one: Counted) -> int:
    number: int = reader.value(
        "SELECT count(*) FROM tls_results WHERE domain = ? AND day = ? AND result <> ''", (one.domain, one.day)
    )
    return number


def _stand(transaction: Transaction, one: Counted) -> None:
    """Note that mail can go there, or that what the domain asks keeps it here."""
    now = transaction.now
    if one.result.startswith("sts-") or (one.result and one.policy == "sts" and _ENFORCED not in one.strings):
        return  # a policy that cannot be had, or is only being tested, keeps nothing here
    if one.result and one.result != UNUSABLE:
        transaction.execute(
            "INSERT INTO tls_domains (domain, policy, failing_since, result, mx, reason, last_failure)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (domain) DO UPDATE SET policy = excluded.policy,"
            " failing_since = coalesce(tls_domains.failing_since, excluded.failing_since), result = excluded.result,"
            " mx = excluded.mx, reason = excluded.reason, last_failure = excluded.last_failure",
            (one.domain, one.policy, now, one.result, one.mx, one.reason, now),
        )
    else:
        transaction.execute(
            "INSERT INTO tls_domains (domain, policy, last_success) VALUES (?, ?, ?) ON CONFLICT (domain) DO UPDATE"
            " SET policy = excluded.policy, failing_since = NULL, last_success = excluded.last_success",
            (one.domain, one.policy, now),
        )


_STANDING = "domain, policy, failing_since, result, mx, reason, last_failure, last_success"


def standing(reader: Reader, domain: str) -> Standing | None:
    """How it stands with a domain; None when it has asked for no TLS, or nobody wrote to it."""
    row = reader.row(f"SELECT {_STANDING} FROM tls_domains WHERE domain = ?", (domain,))  # noqa: S608
    return None if row is None else Standing(*row)


def failing(reader: Reader, before: float, most: int) -> list[Standing]:
    """Domains with which nothing has worked since before that time, the longest first."""
    rows = reader.rows(
        f"SELECT {_STANDING} FROM tls_domains WHERE failing_since <= ? ORDER BY failing_since LIMIT ?",  # noqa: S608
        (before, most),
    )
    return [Standing(*row) for row in rows]


def of_domain(reader: Reader, domain: str, since: int, most: int = 500) -> list[Counted]:
    """What was counted of a domain since that day, the newest first."""
    return _counted(
        reader, "domain = ? AND day >= ? ORDER BY day DESC, result, number DESC LIMIT ?", domain, since, most
    )


def of_day(reader: Reader, domain: str, day: int, most: int = 5_000) -> list[Counted]:
    """What was counted of a domain on one day."""
    return _counted(reader, "domain = ? AND day = ? ORDER BY policy, strings, result LIMIT ?", domain, day, most)


def everything(reader: Reader, since: int, most: int) -> list[Counted]:
    """What was counted of all domains since that day: the newest first, failures before what went well."""
    order = "day >= ? ORDER BY day DESC, result = '', number DESC LIMIT ?"
    return _counted(reader, order, since, most)


def _counted(reader: Reader, where: str, *parameters: str | int) -> list[Counted]:
    columns = "day, domain, policy, strings, result, mx, address, source, reason, number"
    return [Counted(*row) for row in reader.rows(f"SELECT {columns} FROM tls_results WHERE {where}", parameters)]  # noqa: S608


def unreported(reader: Reader, today: int, since: int, most: int) -> list[tuple[str, int]]:
    """(domain, day) of days that are over and whose report nobody has thought of, the oldest first."""
    rows = reader.rows(
        "SELECT DISTINCT domain, day FROM tls_results WHERE day < ? AND day >= ? AND NOT EXISTS (SELECT 1 FROM"
        " tls_reports WHERE tls_reports.domain = tls_results.domain AND tls_reports.day = tls_results.day)"
        " ORDER BY day, domain LIMIT ?",
        (today, since, most),
    )
    return [(row[0], row[1]) for row in rows]


def reported(transaction: Transaction, domain: str, day: int, outcome: str, message: int | None = None) -> bool:
    """Note what became of a report; whether nobody had before."""
    return bool(
        transaction.execute(
            "INSERT INTO tls_reports (domain, day, time, outcome, message) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (domain, day) DO NOTHING",
            (domain, day, transaction.now, outcome, message),
        ).rowcount
    )


def forget(transaction: Transaction, day: int, most: int) -> int:
    """Delete what is older than that day; answers how many rows, at most `most` of each table."""
    gone = 0
    for sql in (
        "DELETE FROM tls_results WHERE id IN (SELECT id FROM tls_results WHERE day < ? LIMIT ?)",
        "DELETE FROM tls_reports WHERE (domain, day) IN (SELECT domain, day FROM tls_reports WHERE day < ? LIMIT ?)",
    ):
        gone = max(gone, transaction.execute(sql, (day, most)).rowcount)
    before = day * 86_400.0
    transaction.execute(
        "DELETE FROM tls_domains WHERE coalesce(last_failure, 0) < ? AND coalesce(last_success, 0) < ?",
        (before, before),
    )
    return gone
