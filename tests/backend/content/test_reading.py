"""Whatever a message is made of, its reader gets words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.content import reading


def part(kind: str, body: str, more: str = "") -> bytes:
    return f"Content-Type: {kind}\r\n{more}\r\n{body}\r\n".encode()


def test_fields_in_their_order() -> None:
    data = (
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Long: one\r\n two\r\nnonsense\r\nSubject: again\r\n\r\nNo: body\r\n"
    )
    rows, cut = reading.fields(data)
    assert rows == (("Subject", "Grüße"), ("X-Long", "one two"), ("", "nonsense"), ("Subject", "again"))
    assert not cut
    assert reading.fields(b"A: b\r\n" * 501)[1]


@pytest.mark.parametrize("charset", ["unicode_escape", "zlib_codec", "rot13", "idna", "no-such", "utf-7", "x\x00y"])
def test_only_character_sets_decode(charset: str) -> None:
    raw = "\\u001b[2J +AGEAYg-"
    assert reading.text(part(f"text/plain; charset={charset}", raw)).words.strip() == raw
    assert "[2J" in reading.fields(f"Subject: =?{charset}?q?\\u001b[2J?=\r\n".encode())[0][0][1]


def test_plain_text_before_html_and_the_parts() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + part("text/html", "<b>no</b>")
        + b"--b\r\n" + part("text/plain", "yes")
        + b"--b\r\n"
        + part("application/zip", "PK", "Content-Disposition: attachment; filename*=utf-8''..%2F%1Bx.zip\r\n")
        + b"--b--\r\n"
    )  # fmt: skip
    found = reading.text(data)
    assert (found.words.strip(), found.source) == ("yes", "text/plain")
    assert [one.kind for one in found.parts] == ["multipart/mixed", "text/html", "text/plain", "application/zip"]
    assert found.parts[3].name == "../\x1bx.zip"  # as it came: the screen makes it safe


def test_html_without_what_is_not_seen() -> None:
    found = reading.text(part("text/html", "<style>x{}</style><p>Pay&nbsp;now<script>evil()</script><br>here</p>"))
    assert found.words.split() == ["Pay", "now", "here"]


@pytest.mark.parametrize(
    "data",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1_000)),
        b"Content-Type: multipart/mixed; boundary=\"(.*+\"\r\n\r\n--(.*+\r\n\r\nx",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        part("text/html", "<script" * 30_000),
        part("text/html", "<" * 200_000),
        part("text/plain", "\x00" * 1_000),
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!=a",
        b"Content-Type: text/plain; charset*0*=x''%FF; charset=\r\n\r\nx",
        b"Subject: " + b"=?utf-8?b?" * 20_000,
        b"\r\n" * 100_000,
    ],
)  # fmt: skip
def test_what_is_broken_is_read_all_the_same(data: bytes) -> None:
    start = time.process_time()
    reading.fields(data[: 256 * 1024])
    reading.text(data[: 256 * 1024])
    assert time.process_time() - start < 5


@given(st.binary(max_size=300), st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"]))
def test_any_bytes(data: bytes, front: bytes) -> None:
    reading.fields(front + data)
    reading.text(front + data)
