"""Reports of others about TLS with us (RFC 8460 §4): read with care, for anybody can write one. Pure but for `now`."""

from __future__ import annotations

import datetime
import json
import zlib
from typing import Any

from backend.errors import BadInput
from backend.store.tls_received import Received

PACKED = 700_000  # bytes of a file: what one request carries
_WHOLE = 8 * 1024 * 1024  # bytes of it unpacked
_PARTS = 50  # of a mail, looked at
_POLICIES, _DETAILS = 200, 200  # of one report, of one policy: kept
_TEXT = 300  # characters of any text
_NUMBER = 2**53
_KINDS = ("application/tlsrpt+gzip", "application/tlsrpt+json", "application/gzip", "application/x-gzip")
_GZIP = b"\x1f\x8b"


def read(data: bytes, now: float) -> tuple[Received, ...]:
    """What a report says, a value for each policy: JSON, packed or not, or the mail that brought it. BadInput."""
    if len(data) > PACKED:
        raise BadInput(f"A report has at most {PACKED:,} bytes.")
    report = _json(_unpacked(_file(data)))
    policies = report.get("policies")
    if not isinstance(policies, list) or not policies:
        raise BadInput("The report has no policies; it is none of RFC 8460.")
    dates = report.get("date-range")
    if not isinstance(dates, dict):
        raise BadInput("The report does not say which days it is about.")
    begins, ends = _time(dates.get("start-datetime")), _time(dates.get("end-datetime"))
    common = (now, _text(report, "organization-name"), _text(report, "contact-info"), _text(report, "report-id"))
    return tuple(_policy(one, common, begins, ends) for one in policies[:_POLICIES])


def _file(data: bytes) -> bytes:
    """The report in a mail; what is none is a file itself."""
    start = data.lstrip()[:1]
    if data.startswith(_GZIP) or start in (b"{", b""):
        return data
    from email import message_from_bytes  # only for reports that came by mail

    try:
        for number, part in enumerate(message_from_bytes(data).walk()):
            if part.get_content_type() in _KINDS and isinstance(content := part.get_payload(decode=True), bytes):
                return content
            if number >= _PARTS:
                break
    except (ValueError, LookupError, TypeError, RecursionError, AttributeError):
        raise BadInput("The mail cannot be read.") from None
    raise BadInput("This is no report: neither JSON, nor packed by gzip, nor a mail with such a file.")


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    try:
        reader = zlib.decompressobj(wbits=31)
        whole = reader.decompress(data, _WHOLE)
    except zlib.error:
        raise BadInput("The file is damaged: gzip cannot unpack it.") from None
    if not reader.eof:
        raise BadInput(f"The report ends too soon, or has more than {_WHOLE:,} bytes.")
    return whole


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadInput("The report is not JSON.") from None
    if not isinstance(found, dict):
        raise BadInput("The report is JSON, and not of the shape of RFC 8460.")
    return found


def _policy(one: object, common: tuple[float, str, str, str], begins: float, ends: float) -> Received:
    found = one if isinstance(one, dict) else {}
    policy, summary = (_table(found.get(name)) for name in ("policy", "summary"))
    details = found.get("failure-details")
    return Received(
        *common,
        begins,
        ends,
        _text(policy, "policy-domain").lower(),
        _text(policy, "policy-type"),
        _count(summary.get("total-successful-session-count")),
        _count(summary.get("total-failure-session-count")),
        tuple(_detail(one) for one in (details if isinstance(details, list) else [])[:_DETAILS]),
    )


def _detail(one: object) -> dict[str, Any]:
    found = _table(one)
    names = ("result-type", "sending-mta-ip", "receiving-mx-hostname", "receiving-ip", "failure-reason-code")
    kept: dict[str, Any] = {name: _text(found, name) for name in names if name in found}
    return {**kept, "failed-session-count": _count(found.get("failed-session-count"))}


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        return ""
    return value[:_TEXT].encode("utf-8", "replace").decode()  # half characters cannot be kept


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _NUMBER else 0


def _time(value: object) -> float:
    try:
        found = datetime.datetime.fromisoformat(value if isinstance(value, str) else "")
        return found.replace(tzinfo=found.tzinfo or datetime.UTC).timestamp()
    except (ValueError, OverflowError):
        raise BadInput("The report does not say which days it is about.") from None
