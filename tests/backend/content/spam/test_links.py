"""The hosts of links, as browsers would go there."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.content.spam import links
from backend.content.unpack.message import unpack
from backend.limits import Limits


def found(body: str, kind: str = "text/plain", fields: str = "") -> list[str]:
    """In a message with this text."""
    data = f"Subject: x\r\n{fields}MIME-Version: 1.0\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{body}\r\n"
    return links.hosts(unpack(data.encode(), Limits(), deep=False))


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("see http://www.Spam.Example/path?q#f.", ["www.spam.example"]),
        ("see <https://spam.example>, and https://spam.example/again", ["spam.example"]),
        ("https://user:secret@spam.example:8080/", ["spam.example"]),
        ("https://bank.example@spam.example/", ["spam.example"]),
        ("go to www.spam.example now", ["www.spam.example"]),
        ("write to me@www.spam.example", []),
        ("https://b\u00fccher.example/", ["xn--bcher-kva.example"]),
        ("https://spam%2Eexample/", ["spam.example"]),
        ("https:\\\\spam.example\\path", ["spam.example"]),
        ("http://192.0.2.7/x", ["192.0.2.7"]),
        ("http://3221225991/", ["192.0.2.7"]),
        ("http://0xC0.0.0x2.07/", ["192.0.2.7"]),
        ("http://[2001:db8::7]:80/", ["2001:db8::7"]),
        ("http://300.0.2.7/", []),
        ("http://localhost/", []),
        ("http://-bad-.example/ http://a..b/ http:///", []),
    ],
)
def test_in_text(text: str, hosts: list[str]) -> None:
    assert found(text) == hosts


@pytest.mark.parametrize(
    ("markup", "host"),
    [
        ('<a href="https://spam.example/x">bank.example</a>', "spam.example"),
        ("<a href='//spam.example/x'>", "spam.example"),
        ("<a href=http://spam.example>", "spam.example"),
        ('<a href="ht\ntps://spa\tm.example/">', "spam.example"),
        ('<a href="https&#58;&#47;&#47;spam&period;example/">', "spam.example"),
        ('<form action = "https://spam.example/login">', "spam.example"),
        ('<img src="http://spam.example/p.gif">', "spam.example"),
        ("<html><body>no tag: https://spam.example/ at all</body></html>", "spam.example"),
    ],
)
def test_in_html(markup: str, host: str) -> None:
    assert found(markup, "text/html") == [host]


def test_relative_links_and_mail_links_lead_nowhere() -> None:
    assert found('<a href="/path"><a href="mailto:a@b.example"><a href="cid:x@y.example">', "text/html") == []


def test_in_the_header_and_in_an_attachment() -> None:
    assert found("hello", fields="List-Unsubscribe: <https://leave.example/x>\r\n") == ["leave.example"]
    data = (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b'Content-Type: application/octet-stream; name="a.html"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        b"PGh0bWw+PGEgaHJlZj0iaHR0cHM6Ly9zcGFtLmV4YW1wbGUvIj54PC9hPjwvaHRtbD4=\r\n--b--\r\n"
    )
    assert links.hosts(unpack(data, Limits(), deep=False)) == ["spam.example"]


def test_there_is_an_end_to_it() -> None:
    text = " ".join(f"http://h{number}.example/" for number in range(100_000))
    began = time.process_time()
    many = found(text)
    assert len(many) == links.MOST
    for evil in ("http://" * 200_000, "www." * 300_000, 'href="' * 200_000, "%" * 1_000_000, "@" * 1_000_000):
        found(evil, "text/html")
    assert time.process_time() - began < 30  # it takes a second or two; what is not bounded takes minutes


def test_of_many_the_first_and_the_last() -> None:
    assert links.some("abcdefg", 4) == ["a", "b", "f", "g"]
    assert links.some("abcdefg", 3) == ["a", "b", "g"]
    assert links.some("ab", 4) == ["a", "b"]


@given(st.text(max_size=300))
def test_whatever_is_written_is_a_name_an_address_or_nothing(text: str) -> None:
    host = links.host(text)
    assert host.isascii()
    assert not set(host) - set("abcdefghijklmnopqrstuvwxyz0123456789-_.:")
