"""The text of reports: what we write others can read, and what others write does no harm (RFC 8460)."""

from __future__ import annotations

import email
import email.policy
import gzip
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend import ids
from backend.config import Settings, Site
from backend.delivery.tlsrpt import received, report
from backend.delivery.tlsrpt.report import Report
from backend.errors import BadInput
from backend.store.tls_results import Counted

SETTINGS = Settings(site=Site(hostname="mail.example.org", domain="example.org"))
DAY = 20_000
POLICY = json.dumps({"strings": ["version: STSv1", "mode: testing"], "mx": ["*.remote.test"]})
EXPIRED = "certificate-expired"
COUNTED = [
    Counted(DAY, "remote.test", "sts", POLICY, "", "", "", "", "", 5_326),
    Counted(DAY, "remote.test", "sts", POLICY, EXPIRED, "mx1.remote.test", "192.0.2.1", "192.0.2.9", "x", 100),
    Counted(DAY, "remote.test", "sts", POLICY, "starttls-not-supported", "mx2.remote.test", "192.0.2.2", "", "", 3),
    Counted(DAY, "remote.test", "tlsa", "{}", "", "", "", "", "", 7),
]  # fmt: skip


def made() -> tuple[Report, bytes]:
    """A report and its JSON."""
    one = Report(ids.new(), "remote.test", DAY)
    return one, report.write(one, COUNTED, SETTINGS)


def test_the_report_is_what_the_rfc_shows() -> None:
    one, text = made()
    whole = json.loads(text)
    assert whole["date-range"] == {
        "start-datetime": "2024-10-04T00:00:00Z",
        "end-datetime": "2024-10-04T23:59:59Z",
    }
    assert whole["organization-name"] == "example.org"
    assert whole["contact-info"] == "postmaster@example.org"
    assert whole["report-id"] == one.id("mail.example.org")
    first, second = whole["policies"]
    assert first["policy"] == {
        "policy-type": "sts",
        "policy-domain": "remote.test",
        "policy-string": ["version: STSv1", "mode: testing"],
        "mx-host": ["*.remote.test"],
    }
    assert first["summary"] == {"total-successful-session-count": 5_326, "total-failure-session-count": 103}
    assert first["failure-details"][0] == {
        "result-type": "certificate-expired",
        "sending-mta-ip": "192.0.2.9",
        "receiving-mx-hostname": "mx1.remote.test",
        "receiving-ip": "192.0.2.1",
        "failure-reason-code": "x",
        "failed-session-count": 100,
    }
    assert second["summary"] == {"total-successful-session-count": 7, "total-failure-session-count": 0}
    assert "failure-details" not in second


def test_the_mail_is_what_the_rfc_asks() -> None:
    one, text = made()
    raw = report.mail(one, report.packed(text), ["tls@remote.test"], SETTINGS, time.time())
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert found.get_content_type() == "multipart/report"
    assert found.get_param("report-type") == "tlsrpt"
    assert found["TLS-Report-Domain"] == "remote.test"
    assert found["TLS-Report-Submitter"] == "mail.example.org"
    assert found["TLS-Required"] == "No"
    subject = f"Report Domain: remote.test Submitter: mail.example.org Report-ID: <{one.id('mail.example.org')}>"
    assert found["Subject"].split() == subject.split()
    words, file = found.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert file.get_content_type() == "application/tlsrpt+gzip"
    begins = DAY * 86_400
    name = f"mail.example.org!remote.test!{begins}!{begins + 86_399}!{ids.text(one.identity)}.json.gz"
    assert file.get_filename() == name
    assert gzip.decompress(file.get_payload(decode=True)) == text  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["json", "gzip", "mail"])
def test_what_we_write_we_read(form: str) -> None:
    one, text = made()
    packed = report.packed(text)
    data = {
        "json": text,
        "gzip": packed,
        "mail": report.mail(one, packed, ["tls@remote.test"], SETTINGS, time.time()),
    }[form]
    first, second = received.read(data, 5.0)
    assert (first.domain, first.policy, first.successes, first.failures) == ("remote.test", "sts", 5_326, 103)
    assert (first.organization, first.report) == ("example.org", one.id("mail.example.org"))
    assert (first.begins, first.ends, first.received) == (DAY * 86_400.0, DAY * 86_400.0 + 86_399, 5.0)
    assert first.details[0]["result-type"] == "certificate-expired"
    assert second.policy == "tlsa"


def test_who_wants_reports() -> None:
    assert report.destinations(["v=TLSRPTv1; rua=mailto:a@b.test"]) == ["mailto:a@b.test"]
    assert report.destinations(["x", "v=TLSRPTv1;rua=mailto:a@b.test, https://b.test/r?x=1;"]) == [
        "mailto:a@b.test",
        "https://b.test/r?x=1",
    ]
    assert len(report.destinations(["v=TLSRPTv1; rua=" + ",".join(["mailto:a@b.test"] * 50)])) == 5
    for wrong in ([], ["v=TLSRPTv1"], ["v=TLSRPTv2; rua=mailto:a@b.test"], ["v=TLSRPTv1; rua="]):
        assert report.destinations(wrong) == []
    assert report.destinations(["v=TLSRPTv1; rua=mailto:a@b.test"] * 2) == []


BOMB = gzip.compress(b"[" * 50_000_000, mtime=0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'{"policies": [{}]}',
        b'{"policies": [{}], "date-range": {"start-datetime": "9999-12-31T23:59:59-12:00", "end-datetime": "x"}}',
        b'{"policies": [{}], "date-range": {"start-datetime": 5, "end-datetime": {}}}',
        BOMB,
        BOMB[:50],
        b"\x1f\x8bnonsense",
        b"Subject: hello\r\n\r\nno report\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 1_000,
        b"x" * 700_001,
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_report(data: bytes) -> None:
    with pytest.raises(BadInput) as raised:
        received.read(data, 0.0)
    assert str(raised.value).endswith(".")


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
_PATHS = [
    ("policies",),
    ("date-range",),
    ("date-range", "start-datetime"),
    ("organization-name",),
    ("policies", 0),
    ("policies", 0, "policy"),
    ("policies", 0, "policy", "policy-domain"),
    ("policies", 0, "summary", "total-failure-session-count"),
    ("policies", 0, "failure-details"),
    ("policies", 0, "failure-details", 0),
    ("policies", 0, "failure-details", 0, "result-type"),
]


@settings(max_examples=150)
@given(st.sampled_from(_PATHS), _JSON)
def test_any_value_anywhere(path: tuple[str | int, ...], value: Any) -> None:
    whole = json.loads(made()[1])
    inside = whole
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    try:
        rows = received.read(json.dumps(whole).encode(), 0.0)
    except BadInput:
        return
    for row in rows:
        assert all(isinstance(text, str) and len(text) <= 300 for text in (row.domain, row.organization, row.policy))
        assert 0 <= row.failures <= 2**53
        json.dumps(row.details).encode("utf-8")


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    for form in (data, gzip.compress(data), b"Content-Type: application/tlsrpt+gzip\r\n\r\n" + data):
        with pytest.raises(BadInput):
            received.read(form, 0.0)
