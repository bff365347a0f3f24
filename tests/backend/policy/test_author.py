"""Whose domain stands in From, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.policy.author import ParseError, domain, domains


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("From: ann@client.test", ["client.test"]),
        ("FROM : Ann <ann@Client.TEST.>", ["client.test"]),
        ("From: <ann@client.test>", ["client.test"]),
        ('From: "bank@good.test" <ann@evil.test>', ["evil.test"]),
        ("From: bank@good.test <ann@evil.test>", ["evil.test"]),
        ("From: (bank@good.test) ann@evil.test (x (y) z)", ["evil.test"]),
        (r'From: "a \" <x@good.test>" <ann@evil.test>', ["evil.test"]),
        (r"From: (a \) x@good.test) ann@evil.test", ["evil.test"]),
        ("From: Ann\r\n <ann@\r\n\tclient.test>", ["client.test"]),
        ("From: ann@a.test, Bob <bob@b.test>, cee@A.test", ["a.test", "b.test"]),
        ("From: friends: ann@a.test, <bob@b.test>;", ["a.test", "b.test"]),
        ("From: <@r.test,@s.test:ann@client.test>", ["client.test"]),
        ('From: "a@b"@client.test', ["client.test"]),
        ("From: ann@bücher.test", ["xn--bcher-kva.test"]),
        ("From: =?utf-8?q?bank=40good=2Etest?= <ann@evil.test>", ["evil.test"]),
        ("From: nobody:;", []),
        ("From: Ann", []),
        ("From: ann@[192.0.2.1]", []),
        ("From:", []),
        ("To: x\r\n From: y\r\nFrom: ann@client.test", ["client.test"]),
    ],
)
def test_domains(field: str, found: list[str]) -> None:
    assert list(domains(f"Subject: x\r\n{field}\r\nTo: bob@example.org\r\n".encode())) == found


@pytest.mark.parametrize(
    "section",
    [
        b"",
        b"Subject: x\r\n",
        b"From: a@a.test\r\nFrom: b@b.test\r\n",
        b"From: a@a.test\r\nfrom\t: b@b.test\r\n",
        b"From: <a@a.test> <b@b.test>\r\n",
        b"From: a@a.test <b>\r\n",
        b"From: a@a.test> x\r\n",
        b'From: "a <a@a.test>\r\n',
        b"From: (a <a@a.test>\r\n",
        b"From: (a\\) a@a.test\r\n",
        b"From: a@a..test\r\n",
        b"From: a@a.test\x00.test\r\n",
        b"From: a@\xff.test\r\n",
        b"From: a@a.test, b@b.test, c@c.test, d@d.test, e@e.test, f@f.test\r\n",
        b"From: " + b"(" * 100_000 + b"\r\n",
        b"From: " + b"(" * 60_000 + b"\r\n",
    ],
)
def test_what_says_nothing_certain(section: bytes) -> None:
    with pytest.raises(ParseError):
        domains(section)


@given(st.text(alphabet='ab@.<>(),;:"\\ \t\r\n\x00é=?', max_size=80))
@example('<"(\\')
def test_no_field_breaks_it(text: str) -> None:
    try:
        found = domains(f"From: {text}\r\n".encode())
    except ParseError:
        return
    assert len(found) <= 5
    assert all(name and name.isascii() and name == name.lower() for name in found)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"ann@client.test", ["client.test"]),
        (b" Ann <ann@CLIENT.test> \r\n", ["client.test"]),
        (b'"a@b.test" <ann@client.test>', ["client.test"]),
        (b"x@evil.test (comment) <ann@client.test>", ["client.test"]),
        (b"(a (nested\\) x@evil.test) one) ann@client.test (x@evil.test)", ["client.test"]),
        (b'"quoted, <x@evil.test>" <ann@client.test>, bob@other.test', ["client.test", "other.test"]),
        (b"Group: ann@client.test, bob@other.test;", ["client.test", "other.test"]),
        (b"<@route.test:ann@client.test>", ["client.test"]),
        ("Ann <ann@bücher.test>".encode(), ["xn--bcher-kva.test"]),
        (b"undisclosed:;", []),
        (b"nobody", []),
        (b"", []),
    ],
)
def test_authors(value: bytes, expected: list[str]) -> None:
    assert domains(b"From: " + value + b"\r\n") == tuple(expected)


def test_the_one_domain_of_all_authors() -> None:
    assert domain(b"From: a@client.test, b@client.test\r\n") == "client.test"
    assert domain(b"From: a@client.test, b@other.test\r\n") is None
    assert domain(b"From: a@client.test\r\nFrom: a@client.test\r\n") is None
    assert domain(b"From: <ann@not a domain!>\r\n") is None
    assert domain(b"To: a@client.test\r\n") is None
