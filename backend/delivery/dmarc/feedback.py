"""An aggregate report as XML, and the mail that carries it (RFC 7489 §7.2 and appendix C). Pure: no clock, no store."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from backend import clock, ids
from backend.policy.dmarc.record import Record
from backend.store.dmarc_results import DAY, Day, Seen

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DKIM = {"none", "pass", "fail", "policy", "neutral", "temperror", "permerror"}  # DKIMResultType
_SPF = {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}  # SPFResultType
_LINE = 57  # bytes that make a line of 76 characters


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports."""

    organisation: str
    sender: str  # address of the report's From
    contact: str
    domain: str  # in the name of the file and in the subject
    hostname: str  # of the Message-ID


def report_id(day: Day, reporter: Reporter) -> str:
    """The name of a report: the same however often it is written."""
    return f"{day.day}.{day.domain}@{reporter.domain}"


def xml(day: Day, record: Record, reporter: Reporter, rows: Sequence[tuple[Seen, int]]) -> bytes:
    """The report."""
    begin = day.day * DAY
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<feedback>",
        "<version>1.0</version>",
        "<report_metadata>",
        _tag("org_name", reporter.organisation),
        _tag("email", reporter.sender),
        _tag("extra_contact_info", reporter.contact),
        _tag("report_id", report_id(day, reporter)),
        f"<date_range><begin>{begin}</begin><end>{begin + DAY - 1}</end></date_range>",
        "</report_metadata>",
        "<policy_published>",
        _tag("domain", day.domain),
        f"<adkim>{'s' if record.strict_dkim else 'r'}</adkim><aspf>{'s' if record.strict_spf else 'r'}</aspf>",
        f"<p>{record.p}</p><sp>{record.sp}</sp><pct>{record.pct}</pct>{_tag('fo', record.fo)}",
        "</policy_published>",
    ]
    for seen, number in rows:
        lines += _record(seen, number)
    return "\n".join([*lines, "</feedback>", ""]).encode("utf-8", "replace")


def _record(seen: Seen, number: int) -> Iterator[str]:
    yield f"<record><row>{_tag('source_ip', seen.source)}<count>{number}</count>"
    yield f"<policy_evaluated><disposition>{seen.disposition}</disposition>"
    yield f"<dkim>{seen.dkim}</dkim><spf>{seen.spf}</spf>"
    if seen.reason:
        yield f"<reason>{_tag('type', seen.reason)}{_tag('comment', seen.comment)}</reason>"
    yield "</policy_evaluated></row>"
    envelope, author = _tag("envelope_from", seen.envelope_from), _tag("header_from", seen.header_from)
    yield f"<identifiers>{envelope}{author}</identifiers>"
    yield "<auth_results>"
    yield from _results(seen)
    yield "</auth_results></record>"


def _results(seen: Seen) -> Iterator[str]:
    """The signatures, then SPF, of which there must be one."""
    for one in seen.results:
        if one.get("method") == "dkim":
            selector = _tag("selector", one["selector"]) if one.get("selector") else ""
            result = one.get("result", "")
            yield f"<dkim>{_tag('domain', one.get('domain', ''))}{selector}{_tag('result', _of(_DKIM, result))}</dkim>"
    spf = next((one for one in seen.results if one.get("method") == "spf"), {})
    domain = spf.get("domain") or seen.envelope_from or seen.header_from
    scope, result = spf.get("scope") or "mfrom", spf.get("result", "")
    yield f"<spf>{_tag('domain', domain)}{_tag('scope', scope)}{_tag('result', _of(_SPF, result))}</spf>"


def _of(known: Iterable[str], result: str) -> str:
    return result if result in known else "none"


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(_NO_XML.sub('?', text))}</{name}>"


def packed(report: bytes) -> bytes:
    """With gzip, without a time or a name in it: the same report is the same file."""
    return gzip.compress(report, mtime=0)


def file_name(day: Day, reporter: Reporter) -> str:
    """As RFC 7489 §7.2.1.1 wants it."""
    begin = day.day * DAY
    return f"{reporter.domain}!{day.domain}!{begin}!{begin + DAY - 1}.xml.gz"


def mail(
    identity: int, now: float, day: Day, reporter: Reporter, to: str, numbers: tuple[int, int], file: bytes
) -> bytes:
    """The whole message to one address. `numbers`: sources and messages in the report; `file`: what `packed` made."""
    name, boundary = file_name(day, reporter), f"report_{ids.text(identity)}"
    messages = "1 message" if numbers[1] == 1 else f"{numbers[1]} messages"
    sources = "1 address" if numbers[0] == 1 else f"{numbers[0]} addresses"
    words = (
        f"This is a DMARC aggregate report (RFC 7489) on mail in the name of\r\n{day.domain}:"
        f" {messages} from {sources}. Its record asks for such reports.\r\nQuestions: {reporter.contact}\r\n"
    )
    lines = [
        f"Date: {clock.date(now)}",
        f"From: <{reporter.sender}>",
        f"To: <{to}>",
        f"Subject: Report Domain: {day.domain}",
        f" Submitter: {reporter.domain}",
        f" Report-ID: <{report_id(day, reporter)}>",
        f"Message-ID: <{ids.text(identity)}@{reporter.hostname}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        words,
        f"--{boundary}",
        "Content-Type: application/gzip;",
        f'\tname="{name}"',
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        f'\tfilename="{name}"',
        "",
        *(base64.b64encode(file[at : at + _LINE]).decode() for at in range(0, len(file), _LINE)),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii", "replace")
