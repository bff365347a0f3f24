"""The text of a TLS report, as JSON and as mail (RFC 8460 §4 and §5.3). Pure: no socket, no store, no clock."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from backend import clock, ids
from backend.config import Settings
from backend.store.tls_results import Counted

_DAY = 86_400
_DETAILS = 1_000  # kinds of failures in one report
_WIDTH = 76
_RECORD = re.compile(r"v=TLSRPTv1[ \t]*;.*", re.DOTALL)
_URIS = 5  # addresses that one report goes to: nobody has us write to a crowd


@dataclass(frozen=True, slots=True)
class Report:
    """One domain's day."""

    identity: int  # gives its id
    domain: str
    day: int  # days since 1970, UTC

    def id(self, hostname: str) -> str:
        """The report's id."""
        return f"{ids.text(self.identity)}@{hostname}"

    def file(self, hostname: str) -> str:
        """The name of its file (§5.1)."""
        begins = self.day * _DAY
        return f"{hostname}!{self.domain}!{begins}!{begins + _DAY - 1}!{ids.text(self.identity)}.json.gz"


def destinations(texts: Iterable[str]) -> list[str]:
    """The addresses in the TXT records of _smtp._tls; none where there is not exactly one record (§3)."""
    ours = [text for text in texts if text.startswith("v=TLSRPTv1")]
    if len(ours) != 1 or not _RECORD.fullmatch(ours[0]):
        return []
    for field in ours[0].split(";")[1:]:
        key, _, value = field.strip(" \t").partition("=")
        if key.strip(" \t") == "rua":
            return [uri.strip(" \t") for uri in value.split(",") if uri.strip(" \t")][:_URIS]
    return []


def write(report: Report, counted: Iterable[Counted], settings: Settings) -> bytes:
    """The report as JSON (§4.4)."""
    begins = report.day * _DAY
    policies: dict[tuple[str, str], list[Counted]] = {}
    for one in counted:
        policies.setdefault((one.policy, one.strings), []).append(one)
    site = settings.site
    whole = {
        "organization-name": site.domain,
        "date-range": {"start-datetime": clock.rfc3339(begins), "end-datetime": clock.rfc3339(begins + _DAY - 1)},
        "contact-info": settings.outbound.report_contact or f"postmaster@{site.domain}",
        "report-id": report.id(site.hostname),
        "policies": [_policy(report.domain, kind, text, some) for (kind, text), some in policies.items()],
    }
    return json.dumps(whole, indent=1, ensure_ascii=True).encode()


def _policy(domain: str, kind: str, text: str, some: list[Counted]) -> dict[str, Any]:
    policy: dict[str, Any] = {"policy-type": kind, "policy-domain": domain}
    known = _known(text)
    if known.get("strings"):
        policy["policy-string"] = known["strings"]
    if known.get("mx"):
        policy["mx-host"] = known["mx"]
    failures = [one for one in some if one.result]
    good = sum(one.number for one in some if not one.result)
    bad = sum(one.number for one in failures)
    summary = {"total-successful-session-count": good, "total-failure-session-count": bad}
    found: dict[str, Any] = {"policy": policy, "summary": summary}
    if failures:
        found["failure-details"] = [_failure(one) for one in failures[:_DETAILS]]
    return found


def _known(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _failure(one: Counted) -> dict[str, Any]:
    known = {
        "result-type": one.result,
        "sending-mta-ip": one.source,
        "receiving-mx-hostname": one.mx,
        "receiving-ip": one.address,
        "failure-reason-code": one.reason,
    }
    return {key: value for key, value in known.items() if value} | {"failed-session-count": one.number}


def packed(content: bytes) -> bytes:
    """As it travels (§5.2), the same for the same content."""
    return gzip.compress(content, mtime=0)


def mail(report: Report, content: bytes, recipients: list[str], settings: Settings, now: float) -> bytes:
    """The report as mail (§5.3); `content` is packed. With CR LF at the end of each line."""
    site = settings.site
    identity, file = report.id(site.hostname), report.file(site.hostname)
    boundary = f"report_{ids.text(report.identity)}"
    head = [
        f"Date: {clock.date(now)}",
        f"From: Mail delivery <postmaster@{site.domain}>",
        f"To: {', '.join(f'<{one}>' for one in recipients)}",
        f"Subject: Report Domain: {report.domain}",
        f"\tSubmitter: {site.hostname}",
        f"\tReport-ID: <{identity}>",
        f"Message-ID: <{identity}>",
        f"TLS-Report-Domain: {report.domain}",
        f"TLS-Report-Submitter: {site.hostname}",
        "TLS-Required: No",  # it shall arrive just when TLS does not work (§3, RFC 8689 §5)
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type="tlsrpt";',
        f'\tboundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is a report of the mail host {site.hostname} about encrypted connections",
        f"with the mail hosts of {report.domain} on {clock.rfc3339(report.day * _DAY)[:10]} (RFC 8460).",
        "",
        f"--{boundary}",
        "Content-Type: application/tlsrpt+gzip",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        f'\tfilename="{file}"',
        "",
        *_lines(base64.b64encode(content).decode()),
        "",
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(head).encode()


def _lines(text: str) -> list[str]:
    return [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
