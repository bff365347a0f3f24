"""What a message that comes back says of its mark, and how little of it others can make up."""

from __future__ import annotations

import time
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from backend import ids
from backend.content.scorer import Reason, Score
from backend.content.spam import marking, marks
from backend.smtp import header
from backend.smtp.session import Session
from backend.store.spam_scores import Scored

HOST = "mail.example.org"


def received(identity: int, recipient: str | None = "bob@example.org", helo: str = "x") -> bytes:
    """The field that the server writes."""
    session = Session("S", ip_address("192.0.2.1"), "", "smtp", helo, esmtp=True, tls="TLSv1.3 TLS_AES_256_GCM_SHA384")
    return header.received(session, HOST, identity, time.time(), recipient)


def test_what_the_server_writes_is_read() -> None:
    first, last = ids.new(), ids.new()
    score = Score(7.25, tuple(Reason(f"RULE_{n}", 0.5, "x") for n in range(15)))
    mark = marking.fields(score, 5.0, "0.1.0", spam=True)
    message = b"Return-Path: <a@Client.test>\r\n" + received(last, None) + mark + received(first, helo="h" * 255)
    message += b"Message-ID: <m@client.test>\r\nFrom: b@other.test\r\n\r\nhello"
    told = Scored(0, 0.0, 7.2, True, (), "client.test")
    assert marks.read(message, HOST.upper()) == ([last, first], "<m@client.test>", told)
    assert marks.read(message.replace(b"\r\n", b"\n"), HOST) == marks.read(message, HOST)
    assert marks.read(message, "other.host.test")[0] == []


def test_what_others_write_is_not_taken_for_ours() -> None:
    message = b"X-Spam-Status: Yes, score=9.9 required=5.0 tests=A version=3.4.6\r\nX-Spam-Flag: YES\r\n\r\n"
    message += received(ids.new())  # in the text
    assert marks.read(message, HOST) == ([], "", None)


@given(st.binary(max_size=2_000), st.sampled_from([b"", received(5), b"X-Spam-Status: Yes, score=", b"Received: "]))
def test_anything_is_read(data: bytes, start: bytes) -> None:
    found, message_id, told = marks.read(start + data, HOST)
    assert isinstance(message_id, str)
    assert len(found) <= 5
    assert told is None or told.message == 0
