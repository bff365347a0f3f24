"""8-bit messages as 7-bit ones: whoever reads them sees the same."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage, Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.content.seven_bit import Unconvertible, convert

TEXT = "Grüße aus Almería, mit  Leerzeichen am Ende \r\n.\r\n=41 und einer sehr langen Zeile: " + "é" * 200 + "\r\n"
PLAIN = (
    b"From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding:\r\n 8bit\r\nSubject: x\r\n\r\n"
)


def leaves(raw: bytes) -> list[tuple[str, bytes]]:
    """Kind and content of each part that has one."""
    whole: Message = email.message_from_bytes(raw)
    return [
        (part.get_content_type(), part.get_payload(decode=True))  # type: ignore[misc]
        for part in whole.walk()
        if not part.is_multipart()
    ]


def test_a_plain_one() -> None:
    raw = PLAIN + TEXT.encode()
    made = convert(raw)
    assert made.isascii()
    assert made.startswith(
        b"From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nSubject: x"
    )
    assert made.lower().count(b"content-transfer-encoding") == 1
    assert max(map(len, made.split(b"\r\n"))) <= 78
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert leaves(made) == leaves(raw) == [("text/plain", TEXT.encode())]
    assert convert(made) == made


def test_many_parts() -> None:
    message = EmailMessage(policy=email.policy.SMTP.clone(cte_type="8bit"))
    message["Subject"] = "x"
    message.set_content(TEXT.replace("\r\n", "\n"), cte="8bit")
    message.add_alternative("<p>größer</p>\n", subtype="html", cte="8bit")
    message.add_attachment(b"already", maintype="application", subtype="pdf")
    raw = message.as_bytes()
    raw = raw.replace(b"--\r\n", b"--\r\nepilogue \xe9\r\n") + b"\r\nend \xe9"
    assert not raw.isascii()
    made = convert(raw)
    assert made.isascii()
    assert leaves(made) == leaves(raw)
    assert raw.count(b"base64") == made.count(b"base64")


def test_a_message_in_a_message_and_bytes_that_are_no_text() -> None:
    inner = PLAIN + TEXT.encode()
    content = bytes(byte for byte in range(1, 256) if byte not in (10, 13))
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b b"\r\n'
    first = b"Content-Type: message/rfc822\r\n\r\n" + inner
    second = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content
    raw = head + b"\r\n--b b\r\n" + first + b"\r\n--b b \r\n" + second + b"\r\n--b b--\r\n"
    made = convert(raw)
    assert made.isascii()
    assert leaves(made) == leaves(raw)
    assert leaves(made)[1] == ("application/octet-stream", content)


def test_one_from_before_mime() -> None:
    made = convert(b"Subject: x\r\n\r\ncaf\xe9\r\n")
    assert made.startswith(b"MIME-Version: 1.0\r\nSubject: x\r\n")
    assert leaves(made) == [("text/plain", b"caf\xe9\r\n")]


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: caf\xe9\r\n\r\n\xe9",
        b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xe9\r\n--b--\r\n",
        b"Content-Type: multipart/mixed\r\n\r\n\xe9",
        b"Content-Transfer-Encoding: base64\r\n\r\n\xe9",
        b"Content-Type: message/delivery-status\r\n\r\n\xe9",
        b"".join(b"Content-Type: message/rfc822\r\n\r\n" for _ in range(40)) + b"\r\n\xe9",
    ],
)
def test_what_cannot_be(raw: bytes) -> None:
    with pytest.raises(Unconvertible):
        convert(raw)


_PIECES = [
    b"--b",
    b"--b--",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=b",
    b"Content-Transfer-Encoding: 8bit",
    b"Content-Type: text/plain",
    b"Content-Type: message/rfc822",
    b"\xe9",
    b"a: b",
]


@given(st.binary(max_size=200) | st.lists(st.sampled_from(_PIECES), max_size=20).map(b"".join))
def test_any_bytes(raw: bytes) -> None:
    try:
        made = convert(raw)
    except Unconvertible:
        return
    assert made.isascii()
