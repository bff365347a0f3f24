"""Encrypted connections with other mail hosts: what a domain asks, how it went, what others report."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from backend import clock
from backend.address import domain as domain_name
from backend.delivery.tlsrpt import received
from backend.delivery.trust import sts
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, EVERYBODY, POSTMASTER
from backend.management.sentences import tls as sentences
from backend.management.snapshots.tls import (
    HostView,
    Imported,
    OwnPolicy,
    PolicyView,
    ReportPage,
    ReportRow,
    ResultList,
    ResultRow,
    TlsCheck,
)
from backend.store import tls_received, tls_results
from backend.store.database import Reader, Transaction
from backend.store.tls_received import Received
from backend.store.tls_results import Counted, Standing

if TYPE_CHECKING:
    from backend.delivery.trust.look import Look

_SHARE = 0.7  # of the time that a request may take
_DAYS = 14  # whose results are shown
_DAY = 86_400
_MOST = 500  # rows of a page
_NOTHING = PolicyView("", "", (), 0, None, "", "")


@action("tls.check", roles=EVERYBODY)
def tls_check(call: Call, domain: Annotated[str, "of a recipient, as in example.org"]) -> TlsCheck:
    """Show what connections to a domain's mail hosts must be, who asks for it, and how it went lately."""
    from backend.delivery.trust.look import look  # the DNS and the web: not in every start of the command line

    name = _domain(domain)
    seconds = call.settings.limits.request_seconds * _SHARE
    found = asyncio.run(look(call.settings, call.store, name, seconds))
    since = int(clock.now()) // _DAY - _DAYS

    def known(reader: Reader) -> tuple[Standing | None, list[Counted]]:
        return tls_results.standing(reader, name), tls_results.of_domain(reader, name, since, _MOST)

    standing, last = call.store.read(known)
    failing = standing.failing_since if standing is not None else None
    return TlsCheck(
        domain=name,
        sentence=_sentence(found),
        exception=found.exception,
        validating=call.settings.dns.validating,
        policy=_policy(found),
        hosts=tuple(_hosts(found)),
        failing_since=None if failing is None else clock.rfc3339(failing),
        last=tuple(map(_result, last)),
    )


@action("tls.results", roles=(POSTMASTER, AUDITOR))
def tls_results_list(
    call: Call,
    domain: Annotated[str | None, "only of this domain", "place"] = None,
    days: Annotated[int, "of so many days"] = 7,
) -> ResultList:
    """Show how TLS with other mail hosts went, by day, domain and policy."""
    if not 1 <= days <= 3_660:
        raise BadInput("days is 1 to 3660.")
    since = int(clock.now()) // _DAY - days + 1
    if domain is None:
        found = call.store.read(lambda reader: tls_results.everything(reader, since, _MOST))
    else:
        name = _domain(domain)
        found = call.store.read(lambda reader: tls_results.of_domain(reader, name, since, _MOST))
    return ResultList(tuple(map(_result, found)))


@action("tls.policy", roles=EVERYBODY)
def tls_policy(call: Call) -> OwnPolicy:
    """Show what we publish of ourselves by MTA-STS: the file for a web server, and the record for the DNS."""
    settings = call.settings
    place = f"https://mta-sts.{settings.site.domain}/.well-known/mta-sts.txt"
    return OwnPolicy(sts.policy_text(settings), place, f"_mta-sts.{settings.site.domain}", sts.policy_record(settings))


@action("tls.reports", roles=(POSTMASTER, AUDITOR))
def tls_reports(
    call: Call,
    domain: Annotated[str | None, "only about this domain of ours", "place"] = None,
    offset: Annotated[int, "pass over so many"] = 0,
    limit: Annotated[int, f"show so many, at most {_MOST}"] = 50,
) -> ReportPage:
    """Show what others report about encrypted connections with us (TLS-RPT)."""
    if offset < 0 or not 1 <= limit <= _MOST:
        raise BadInput(f"limit is 1 to {_MOST}, and offset not below 0.")
    name = None if domain is None else _domain(domain)
    found, total = call.store.read(lambda reader: tls_received.newest(reader, name, offset, limit))
    return ReportPage(tuple(map(_report, found)), total, offset)


@action("tls.import", roles=(POSTMASTER,), changes=True)
def tls_import(
    call: Call,
    report: Annotated[str, "a report: JSON, .json.gz, or the mail that brought it", "file"],
) -> Imported:
    """Take in what somebody reports about encrypted connections with us (TLS-RPT)."""
    try:
        data = base64.b64decode(report, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("The file must come in base64.") from None
    rows = received.read(data, clock.now())

    def add(transaction: Transaction) -> Change:
        new = tls_received.add(transaction, rows)
        first, failures = rows[0], sum(row.failures for row in rows)
        done = Imported(first.organization, first.report, len(rows), len(rows) - new, failures)
        return Change(done, after={"organization": first.organization, "report": first.report, "policies": len(rows)})

    done: Imported = call.change(add)
    return done


def _domain(text: str) -> str:
    try:
        return domain_name(text.strip())
    except BadInput:
        raise BadInput(f"{text[:80]!r} is no domain name; write it as example.org.") from None


def _sentence(found: Look) -> str:
    if found.trouble:
        return found.trouble
    levels = {one.level for one in found.hosts}
    if levels <= {"unfit"}:
        return "No mail goes there now: no host is fit for it."
    if levels & {"none", "may"}:
        return "Mail goes there encrypted when that works, and in plain text when it does not."
    if "test" in levels:
        return "Mail goes there encrypted when that works: the domain is testing its policy."
    return "Mail goes there encrypted, or not at all."


def _policy(found: Look) -> PolicyView:
    policy, failure = found.policy.policy, found.policy.failure
    view = _NOTHING
    if policy is not None:
        fetched = None if found.policy.fetched is None else clock.rfc3339(found.policy.fetched)
        view = PolicyView(policy.mode, found.policy.id or "", policy.mx, policy.max_age, fetched, "", "")
    return view if failure is None else replace(view, failure=failure.result, reason=failure.reason)


def _hosts(found: Look) -> list[HostView]:
    """One view a host, with all its addresses."""
    views: dict[tuple[str, str], HostView] = {}
    for one in found.hosts:
        key = (one.name, one.level)
        if key in views:
            views[key] = replace(views[key], addresses=(*views[key].addresses, one.address))
            continue
        words = one.reason if one.level == "unfit" else sentences.demand(one.level, one.asked_by, one.names)
        views[key] = HostView(one.name, (one.address,), one.level, one.asked_by, words, one.records, one.names)
    return list(views.values())


def _result(one: Counted) -> ResultRow:
    day = clock.rfc3339(one.day * _DAY)[:10]
    return ResultRow(day, one.domain, one.policy, one.result, one.mx, one.address, one.reason, one.number)


def _report(one: Received) -> ReportRow:
    return ReportRow(
        received=clock.rfc3339(one.received),
        begins=clock.rfc3339(one.begins),
        ends=clock.rfc3339(one.ends),
        organization=one.organization,
        contact=one.contact,
        report=one.report,
        domain=one.domain,
        policy=one.policy,
        successes=one.successes,
        failures=one.failures,
        details=one.details,
    )
