"""DMARC reports: of others about our domains, ours to others, and who sends in our name."""

from __future__ import annotations

import base64
import binascii
import datetime
from typing import Annotated

from backend import address, clock, ids
from backend.delivery.dmarc import reader as incoming
from backend.errors import BadInput
from backend.management.registry import Call, Change, Parameter, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.dmarc import (
    Imported,
    ImpostorList,
    ImpostorRow,
    ReportList,
    ReportRow,
    ReportView,
    SentList,
    SentRow,
    SourceRow,
)
from backend.store import accounts, dmarc_reports, dmarc_results
from backend.store.database import Reader, Transaction
from backend.store.dmarc_reports import Report, Source
from backend.store.dmarc_results import DAY, Sent

_MOST = 1_000  # rows of one answer
_DAYS = 400
_FILE = Parameter("file", str, "a report, in base64", required=True, secret=True, inner=True)

Limit = Annotated[int, "how many at the most"]
Offset = Annotated[int, "how many to pass over"]


def _row(one: Report) -> ReportRow:
    return ReportRow(
        id=one.id,
        organisation=one.organisation,
        domain=one.domain,
        begins=clock.rfc3339(one.begins),
        ends=clock.rfc3339(one.ends),
        messages=one.messages,
        failed=one.failed,
        sources=one.sources,
        policy=one.policy,
        contact=one.contact,
        report=one.report,
        sender=one.sender,
        proven=one.proven,
        left_out=one.left_out,
    )


@action("dmarc.reports", roles=(POSTMASTER, AUDITOR))
def dmarc_reports_(
    call: Call,
    part: Annotated[str, "only those with this in the domain or the reporter", "place"] = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> ReportList:
    """List the DMARC reports of others about our domains, the latest first."""
    _bounds(limit, offset)
    rows, total = call.store.read(lambda reader: dmarc_reports.reports(reader, part, limit, offset))
    return ReportList(tuple(map(_row, rows)), total, offset)


@action("dmarc.report", roles=(POSTMASTER, AUDITOR))
def dmarc_report(
    call: Call,
    id: Annotated[int, "of the report"],  # noqa: A002  its name in the contract
    limit: Limit = 200,
    offset: Offset = 0,
) -> ReportView:
    """Show what one report says of each address that sent in our name."""
    _bounds(limit, offset)

    def view(reader: Reader) -> ReportView:
        found = dmarc_reports.report(reader, id)
        if found is None:
            raise BadInput(f"There is no DMARC report {id}; `mailconsole dmarc reports` has them all.")
        rows = dmarc_reports.rows_of(reader, id, limit, offset)
        some = tuple(_source_row(offset + number, row) for number, row in enumerate(rows))
        return ReportView(_row(found), some, min(found.sources, call.settings.dmarc.incoming_rows), offset)

    return call.store.read(view)


def _source_row(number: int, row: dmarc_reports.ReportRow) -> SourceRow:
    return SourceRow(
        id=str(number),
        source=row.source,
        messages=row.number,
        disposition=row.disposition,
        spf=row.spf,
        dkim=row.dkim,
        header_from=row.header_from,
        envelope_from=row.envelope_from,
        reason=row.reason,
        results=tuple(
            f"{one.get('method', '')}={one.get('result', '')} {one.get('domain', '')} {one.get('selector', '')}".strip()
            for one in row.results
        ),
    )


@action("dmarc.sources", roles=(POSTMASTER, AUDITOR))
def dmarc_sources(
    call: Call,
    domain: Annotated[str, "one of ours; without it all", "place"] = "",
    days: Annotated[int, "how many days back"] = 30,
    limit: Limit = 50,
    offset: Offset = 0,
) -> ImpostorList:
    """Show which addresses send mail in our name that is not proven to be ours, as others reported."""
    _bounds(limit, offset)
    if not 1 <= days <= _DAYS:
        raise BadInput(f"days is 1 to {_DAYS}.")
    name = address.domain(domain) if domain else ""
    since = clock.now() - days * DAY
    rows, total = call.store.read(lambda reader: dmarc_reports.sources(reader, since, name, limit, offset))
    return ImpostorList(tuple(map(_impostor, rows)), total, offset)


def _impostor(one: Source) -> ImpostorRow:
    last = clock.rfc3339(one.last)
    return ImpostorRow(one.source, one.source, one.messages, one.refused, one.reporters, one.header_from, last)


@action("dmarc.sent", roles=(POSTMASTER, AUDITOR))
def dmarc_sent(
    call: Call,
    part: Annotated[str, "only those with this in the domain", "place"] = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> SentList:
    """List the DMARC reports that were sent to the owners of domains, the newest first."""
    _bounds(limit, offset)
    rows, total = call.store.read(lambda reader: dmarc_results.sent(reader, part, limit, offset))
    return SentList(tuple(map(_sent, rows)), total, offset)


def _sent(one: Sent) -> SentRow:
    day = datetime.datetime.fromtimestamp(one.day * DAY, datetime.UTC).date().isoformat()
    message = None if one.message is None else ids.text(one.message)
    time = clock.rfc3339(one.time)
    return SentRow(one.id, time, day, one.domain, one.recipient, message, one.sources, one.messages, one.outcome)


@action("dmarc.import", roles=(POSTMASTER,), changes=True, takes=(_FILE,))
def dmarc_import(call: Call, **given: str) -> Imported:
    """Read a DMARC report from a file: XML, gzip or zip."""
    try:
        content = base64.b64decode(given["file"], validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("The report is not in base64.") from None
    own = frozenset(call.store.read(accounts.own_domains))
    report, rows = incoming.read(content, own, clock.now(), call.settings.dmarc.incoming_rows)

    def add(transaction: Transaction) -> Change:
        new = dmarc_reports.add(transaction, report, rows) is not None
        done = Imported(report.organisation, report.domain, report.messages, report.failed, report.sources, new)
        return Change(done, after={"organisation": report.organisation, "report": report.report, "new": new})

    done: Imported = call.change(add)
    return done


def _bounds(limit: int, offset: int) -> None:
    if not 1 <= limit <= _MOST or offset < 0:
        raise BadInput(f"limit is 1 to {_MOST}, and offset not below 0.")
