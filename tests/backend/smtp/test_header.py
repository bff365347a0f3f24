"""What the server reads in a header section, and what it adds to it."""

from __future__ import annotations

from email.parser import BytesHeaderParser
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import ids
from backend.address import Address
from backend.smtp import header
from backend.smtp.session import MailTransaction, Session
from backend.store.accounts import Account

NOW = 1_795_500_000.0  # 2026-11-24
ALICE = Account(1, "alice@example.org", None, "active", 0, 0.0)


@pytest.mark.parametrize(
    ("start", "section", "ended"),
    [
        (b"A: 1\r\n\r\nbody", b"A: 1\r\n", True),
        (b"\r\nbody", b"", True),
        (b"A: 1\r\n", b"A: 1\r\n", False),
        (b"", b"", False),
    ],
)
def test_section(start: bytes, section: bytes, ended: bool) -> None:
    assert header.section(start) == section
    assert header.ended(start) == ended


def test_fields() -> None:
    fields = header.Fields(
        b"Received: a\r\n\tdate: folded\r\nreceived:b\r\nMESSAGE-ID : <1@x>\r\nMessage-ID: <2@x>\r\n"
        b"Delivered-To: Alice@Example.ORG\r\nX-Date: no\r\n"
    )
    assert (fields.received, fields.date, fields.message_id) == (2, False, "<1@x>")
    assert fields.delivered_to == {"alice@example.org"}
    assert header.Fields(b"date: x\r\n").date


@given(st.binary(max_size=200))
def test_any_bytes_have_fields(data: bytes) -> None:
    fields = header.Fields(header.section(data))
    assert fields.received >= 0


@pytest.mark.parametrize(
    ("esmtp", "tls", "account", "utf8", "protocol"),
    [
        (False, "", None, False, "SMTP"),
        (True, "", None, False, "ESMTP"),
        (True, "TLSv1.3 X", None, False, "ESMTPS"),
        (True, "TLSv1.3 X", ALICE, False, "ESMTPSA"),
        (True, "TLSv1.3 X", ALICE, True, "UTF8SMTPSA"),
        (True, "", None, True, "UTF8SMTP"),
    ],
)
def test_received_names_the_protocol(esmtp: bool, tls: str, account: Account | None, utf8: bool, protocol: str) -> None:
    mail = MailTransaction(Address("a", "b.test"), smtputf8=utf8)
    session = Session("S", ip_address("192.0.2.1"), "127.0.0.1", "smtp", "client.test", esmtp, tls, account, mail)
    line = header.received(session, "mail.example.org", 1, NOW, "alice@example.org").decode()
    assert line.startswith("Received: from client.test ([192.0.2.1])\r\n\tby mail.example.org ")
    assert f" with {protocol}" in line
    assert "for <alice@example.org>;\r\n\tTue, 24 Nov 2026 " in line
    assert "for <" not in header.received(session, "mail.example.org", 1, NOW, None).decode()


@given(st.text(max_size=300))
def test_a_hostile_hello_cannot_break_the_trace_line(helo: str) -> None:
    session = Session("S", ip_address("2001:db8::1"), "::1", "smtp", helo, True)
    line = header.received(session, "mail.example.org", 1, NOW, None)
    assert line.count(b"\r\n") == line.count(b"\n") == 3
    assert b" ([IPv6:2001:db8::1])\r\n" in line
    assert list(BytesHeaderParser().parsebytes(line).keys()) == ["Received"]


def test_submission_gets_what_is_missing_and_nothing_else() -> None:
    fields = header.Fields(b"Subject: x\r\n")
    identity = ids.new()
    lines = header.missing(fields, "mail.example.org", identity, NOW)
    assert lines.startswith(b"Date: Tue, 24 Nov 2026 ")
    assert lines.endswith(f"Message-ID: <{ids.text(identity)}@mail.example.org>\r\n".encode())
    assert header.missing(header.Fields(b"Date: x\r\nMessage-ID: <1@x>\r\n"), "h", identity, NOW) == b""
