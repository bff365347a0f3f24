"""Reports of others about TLS with us (TLS-RPT, RFC 8460): a row for each policy that a report is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.store.database import Reader, Row, Transaction

_COLUMNS = "received, organization, contact, report, begins, ends, domain, policy, successes, failures, details"


@dataclass(frozen=True, slots=True)
class Received:
    """What one report says of one policy. All texts are a stranger's. Times in seconds since 1970."""

    received: float
    organization: str
    contact: str
    report: str  # its id
    begins: float
    ends: float
    domain: str
    policy: str
    successes: int
    failures: int
    details: tuple[dict[str, Any], ...]


def add(transaction: Transaction, some: Sequence[Received]) -> int:
    """Keep these; answers how many were not known yet."""
    known = 0
    for one in some:
        known += transaction.execute(
            f"INSERT INTO tls_received ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
            " ON CONFLICT (organization, report, domain, policy, begins) DO NOTHING",
            (
                one.received,
                one.organization,
                one.contact,
                one.report,
                one.begins,
                one.ends,
                one.domain,
                one.policy,
                one.successes,
                one.failures,
                json.dumps(one.details),
            ),
        ).rowcount
    return known


def newest(reader: Reader, domain: str | None, offset: int, limit: int) -> tuple[list[Received], int]:
    """Reports about all our domains or one of them, the newest first, and how many there are in all."""
    where, parameters = ("", ()) if domain is None else (" WHERE domain = ?", (domain,))
    total = reader.value(f"SELECT count(*) FROM tls_received{where}", parameters)  # noqa: S608
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM tls_received{where} ORDER BY begins DESC, id DESC LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, limit, offset),
    )
    return [_received(row) for row in rows], total


def _received(row: Row) -> Received:
    *known, details = row
    return Received(*known, tuple(_details(details)))  # type: ignore[call-arg]


def _details(text: str | None) -> list[dict[str, Any]]:
    found = json.loads(text) if text else []
    return [one for one in found if isinstance(one, dict)]


def forget(transaction: Transaction, before: float, most: int) -> int:
    """Delete reports that came before that time; answers how many, at most `most`."""
    sql = "DELETE FROM tls_received WHERE id IN (SELECT id FROM tls_received WHERE received < ? LIMIT ?)"
    return transaction.execute(sql, (before, most)).rowcount
