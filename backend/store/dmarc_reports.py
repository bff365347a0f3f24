"""DMARC reports that others sent about our domains: each as a row, and a row for each address it tells of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.store.database import Reader, Row, Transaction


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Mail from one address, as somebody else saw it. `failed`: DMARC did not pass."""

    source: str
    number: int
    disposition: str
    spf: str
    dkim: str
    header_from: str
    envelope_from: str
    reason: str
    results: Sequence[dict[str, str]]

    @property
    def failed(self) -> bool:
        """Whether neither SPF nor DKIM spoke for the domain."""
        return "pass" not in (self.spf, self.dkim)


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `sender`: the address that its mail came from, `proven` when that is certain. Times since 1970."""

    organisation: str
    contact: str
    report: str  # its id, as its writer numbers them
    domain: str
    policy: str
    begins: float
    ends: float
    messages: int
    failed: int
    sources: int
    left_out: int  # rows that are not kept
    sender: str = ""
    proven: bool = False
    id: int = 0
    time: float = 0.0  # when it was read here


@dataclass(frozen=True, slots=True)
class Source:
    """An address that sent mail in the name of our domains which did not pass, as all reports of a time say."""

    source: str
    messages: int
    refused: int  # rejected or quarantined by those who reported
    reporters: int
    header_from: str
    last: float


_COLUMNS = (
    "organisation, contact, report, domain, policy, begins, ends, messages, failed, sources, left_out, sender,"
    " proven, id, time"
)


def add(transaction: Transaction, report: Report, rows: Sequence[ReportRow]) -> int | None:
    """Keep a report; its number, or None when it is here already."""
    number: int | None = transaction.value(
        "INSERT INTO dmarc_reports (time, organisation, contact, report, domain, policy, begins, ends, messages,"
        " failed, sources, left_out, sender, proven) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (domain, organisation, report) DO NOTHING RETURNING id",
        (
            transaction.now,
            report.organisation,
            report.contact,
            report.report,
            report.domain,
            report.policy,
            report.begins,
            report.ends,
            report.messages,
            report.failed,
            report.sources,
            report.left_out,
            report.sender,
            int(report.proven),
        ),
    )
    if number is None:
        return None
    transaction.executemany(
        "INSERT INTO dmarc_rows (report, ends, source, number, disposition, spf, dkim, header_from, envelope_from,"
        " reason, results, failed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number,
                report.ends,
                row.source,
                row.number,
                row.disposition,
                row.spf,
                row.dkim,
                row.header_from,
                row.envelope_from,
                row.reason,
                json.dumps(list(row.results)),
                int(row.failed),
            )
            for row in rows
        ],
    )
    transaction.count("dmarc-report.in")
    return number


def reports(reader: Reader, part: str, limit: int, offset: int) -> tuple[list[Report], int]:
    """Reports, the newest first, and how many there are. `part`: only those with this in the domain or the reporter."""
    like = "%" + part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    where = "domain LIKE ? ESCAPE '\\' OR organisation LIKE ? ESCAPE '\\'"
    total: int = reader.value(f"SELECT count(*) FROM dmarc_reports WHERE {where}", (like, like))  # noqa: S608
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM dmarc_reports WHERE {where} ORDER BY ends DESC, id DESC LIMIT ? OFFSET ?",  # noqa: S608
        (like, like, limit, offset),
    )
    return [_report(row) for row in rows], total


def report(reader: Reader, number: int) -> Report | None:
    """One report, None when there is none of that number."""
    row = reader.row(f"SELECT {_COLUMNS} FROM dmarc_reports WHERE id = ?", (number,))  # noqa: S608
    return None if row is None else _report(row)


def rows_of(reader: Reader, number: int, limit: int, offset: int) -> list[ReportRow]:
    """What a report says, the mail that did not pass first, then by number."""
    rows = reader.rows(
        "SELECT source, number, disposition, spf, dkim, header_from, envelope_from, reason, results FROM dmarc_rows"
        " WHERE report = ? ORDER BY failed DESC, number DESC, id LIMIT ? OFFSET ?",
        (number, limit, offset),
    )
    return [ReportRow(*_with_results(row)) for row in rows]


def _with_results(row: Row) -> Row:
    return (*row[:8], _read(row[8]))


def sources(reader: Reader, since: float, domain: str, limit: int, offset: int) -> tuple[list[Source], int]:
    """Who sends in our name without proof, the most first, and how many there are. `domain`: in From, or all."""
    where = "w.failed = 1 AND w.ends >= ?" + (" AND r.domain = ?" if domain else "")
    given = (since, domain) if domain else (since,)
    joined = f"FROM dmarc_rows w JOIN dmarc_reports r ON r.id = w.report WHERE {where}"
    total: int = reader.value(f"SELECT count(DISTINCT w.source) {joined}", given)
    rows = reader.rows(
        "SELECT w.source, sum(w.number) AS n, sum(CASE w.disposition WHEN 'none' THEN 0 ELSE w.number END),"
        f" count(DISTINCT r.organisation), min(w.header_from), max(w.ends) {joined}"
        " GROUP BY w.source ORDER BY n DESC, w.source LIMIT ? OFFSET ?",
        (*given, limit, offset),
    )
    return [Source(*row) for row in rows], total


def read_up_to(reader: Reader, mailbox: int) -> int:
    """The UID up to which a mailbox has been read for reports."""
    return reader.value("SELECT uid FROM dmarc_read WHERE mailbox = ?", (mailbox,)) or 0


def was_read(transaction: Transaction, mailbox: int, uid: int) -> None:
    """A mailbox has been read up to that UID."""
    transaction.execute(
        "INSERT INTO dmarc_read (mailbox, uid) VALUES (?, ?) ON CONFLICT (mailbox) DO UPDATE SET uid = excluded.uid",
        (mailbox, uid),
    )


def forget(transaction: Transaction, before: float, most: int = 100) -> int:
    """Delete reports that ended before that time, at most `most`; answers how many."""
    old = transaction.rows("SELECT id FROM dmarc_reports WHERE ends < ? LIMIT ?", (before, most))
    for one in old:
        transaction.execute("DELETE FROM dmarc_rows WHERE report = ?", one)
        transaction.execute("DELETE FROM dmarc_reports WHERE id = ?", one)
    return len(old)


def _report(row: Row) -> Report:
    values: Row = (*row[:12], bool(row[12]), *row[13:])
    return Report(*values)


def _read(text: str) -> list[dict[str, str]]:
    found: Any = json.loads(text)
    return [one for one in found if isinstance(one, dict)]
