"""Addresses and paths, right, wrong and hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import address
from backend.address import Address
from backend.errors import BadInput

PIECES = st.lists(
    st.sampled_from(["<", ">", "@", ".", '"', "\\", ":", ",", "[", "]", "a", "b.test", "é", "\0", "\r\n", "IPv6:", "1"])
).map("".join)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("alice@example.org", "alice", "example.org"),
        ("Alice@EXAMPLE.Org.", "Alice", "example.org"),
        ("a.b+c=d@x-y.test", "a.b+c=d", "x-y.test"),
        ('"two words"@example.org', "two words", "example.org"),
        (r'"a\"b\\c"@example.org', r'a"b\c', "example.org"),
        ('"x@y"@example.org', "x@y", "example.org"),
        ('"plain"@example.org', "plain", "example.org"),
        ("jörg@bücher.test", "jörg", "xn--bcher-kva.test"),
        ("a@BÜCHER.test", "a", "xn--bcher-kva.test"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[ipv6:2001:DB8:0::1]", "a", "[IPv6:2001:db8::1]"),
        ("a%b@example.org", "a%b", "example.org"),
        ("b!a@example.org", "b!a", "example.org"),
        ("x" * 64 + "@example.org", "x" * 64, "example.org"),
    ],
)
def test_right(text: str, local: str, domain: str) -> None:
    assert address.parse(text) == Address(local, domain)


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "alice", "alice@", "@example.org", "a b@example.org", "a@b c", "a..b@example.org", ".a@example.org"),
        *("a.@example.org", "a@-b.test", "a@b..test", "a@.test", "a@b@c", '"a"b@example.org', '"a@example.org'),
        *("a@[300.1.1.1]", "a@[IPv6:::g]", "a@[192.0.2.1", "a@example.org>", "a\r\n@example.org", "a@b\0c", '"\0"@b.c'),
        *("x" * 65 + "@example.org", "é" * 33 + "@example.org", "a@" + "x" * 64 + ".test", "a@" + "x.test" * 50),
        *("a\u2028b@example.org", "a\x85b@example.org", "<a@b.test>", " a@b.test"),
    ],
)
def test_wrong(text: str) -> None:
    with pytest.raises(BadInput) as raised:
        address.parse(text)
    assert (raised.value.code, raised.value.status) == (553, "5.1.3")
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("text", "expected", "rest"),
    [
        ("<>", None, ""),
        ("<> SIZE=1", None, " SIZE=1"),
        ("<postmaster>", Address("postmaster", ""), ""),
        ("<PostMaster>", Address("postmaster", ""), ""),
        ("<a@b.test> X", Address("a", "b.test"), " X"),
        ("<@r.test:a@b.test>", Address("a", "b.test"), ""),
        ("<@r.test,@s.test:a@b.test>", Address("a", "b.test"), ""),
        ('<"a>b"@b.test>', Address("a>b", "b.test"), ""),
    ],
)
def test_path(text: str, expected: Address | None, rest: str) -> None:
    assert address.path(text) == (expected, rest)


@pytest.mark.parametrize(
    "text", ["", "a@b.test", "<a@b.test", "<@r.test>", "<@r.test,a@b.test>", "<<a@b.test>>", "<a>"]
)
def test_wrong_path(text: str) -> None:
    with pytest.raises(BadInput):
        address.path(text)


@given(PIECES | st.text())
def test_what_is_an_address_can_be_written_and_read_again(text: str) -> None:
    try:
        found = address.parse(text)
    except BadInput:
        return
    assert address.parse(str(found)) == found
    assert address.path(f"<{found}> rest") == (found, " rest")


@given(st.builds("<{}".format, PIECES | st.text()))
def test_any_path_is_a_value_or_bad_input(text: str) -> None:
    try:
        _, rest = address.path(text)
    except BadInput:
        return
    assert text.endswith(rest)


@given(st.text())
def test_a_folded_local_part_stays_as_it_is(local: str) -> None:
    assert address.fold(address.fold(local)) == address.fold(local)


def test_one_person_however_the_name_is_written() -> None:
    assert Address("JO\u0308RG", "b.test").key == Address("jörg", "b.test").key == "jörg@b.test"
