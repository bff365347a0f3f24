"""Hostile signatures: nothing in them is an error of ours, and none takes more time than its length: what grew with the
square of a mebibyte would be seen here by anybody who waits.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.errors import BadInput
from backend.policy.dkim import signature, tags
from backend.policy.dkim.key import Unusable
from backend.policy.dkim.key import read as read_key
from backend.policy.dkim.letter import letter
from backend.policy.dkim.verify import Rules, verify
from tests.harness.keys import Records, published

VALUES = {"pass", "fail", "policy", "neutral", "temperror", "permerror"}
MIB = 1 << 20
TAG = st.tuples(
    st.sampled_from([b"v", b"a", b"b", b"bh", b"c", b"d", b"h", b"i", b"l", b"q", b"s", b"t", b"x", b"k", b"p", b"cv"]),
    st.one_of(
        st.sampled_from(
            [b"1", b"DKIM1", b"rsa", b"rsa-sha256", b"ed25519-sha256", b"client.test", b"from", b"AAAA", b""]
        ),
        st.binary(max_size=12),
        st.text(max_size=8).map(str.encode),
    ),
)
LIST = st.lists(TAG).map(lambda some: b"; ".join(b"=".join(one) for one in some))
GARBAGE = st.one_of(LIST, st.binary(max_size=200))


@settings(deadline=None)
@given(GARBAGE)
def test_a_tag_list_is_one_or_is_not(text: bytes) -> None:
    try:
        found = tags.parse(text)
    except BadInput:
        pass
    else:
        again = "; ".join(f"{name}={value}" for name, value in found.items()).encode()
        assert tags.parse(again) == found


@settings(deadline=None)
@given(GARBAGE, st.booleans())
def test_a_signature_is_read_or_refused(text: bytes, arc: bool) -> None:
    signature.glimpse(text)
    try:
        found = signature.read(text, arc=arc)
    except BadInput:
        pass
    else:
        assert found.domain
        assert found.names


@settings(deadline=None)
@given(GARBAGE)
@example(b"p=" + b"MIIB" * 3000)
def test_a_key_record_is_read_or_refused(text: bytes) -> None:
    with contextlib.suppress(Unusable):
        assert read_key(text).bits


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"DKIM-Signature", b"From", b"x", b""]), GARBAGE)), st.binary(max_size=50))
def test_a_message_gets_its_outcomes(fields: list[tuple[bytes, bytes]], body: bytes) -> None:
    section = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    text = section + b"\r\n" + body
    found = asyncio.run(verify(letter(text), Records(published("client.test")), Rules(1.0)))
    assert {one.value for one in found} <= VALUES
    assert len(found) <= 10


@pytest.mark.parametrize(
    "section",
    [
        b"DKIM-Signature: v=1; a=b\r\n" * (MIB // 26),
        b"DKIM-Signature:\r\n" * (MIB // 17),
        b"DKIM-Signature: " + b"a=1;" * (MIB // 4) + b"\r\n",
        b"DKIM-Signature: " + b" " * MIB + b"\r\n",
        b"DKIM-Signature: b=" + b"\r\n " * (MIB // 3) + b"\r\n",
        b"DKIM-Signature: v=1; h=" + b"from:" * (MIB // 5) + b"\r\n",
        b"DKIM-Signature: v=1\r\n" + b"a:\r\n" * (MIB // 4),
        b"From: "
        + b"\t " * (MIB // 2)
        + b"\r\nDKIM-Signature: v=1; a=rsa-sha256; b=AAAA; bh=AAAA; d=client.test; s=rsa; h=from\r\n",
    ],
    ids=["many", "empty", "tags", "space", "folded", "names", "fields", "a wide From"],
)
def test_a_mebibyte_of_nonsense(section: bytes) -> None:
    text = section + b"\r\n"
    records = Records(published("client.test"))
    found = asyncio.run(verify(letter(text), records, Rules(1.0)))
    assert 1 <= len(found) <= 10
    assert not {one.value for one in found} & {"pass"}


def test_ten_signatures_over_a_wide_header() -> None:
    """Each may have the whole header hashed, and no more."""
    one = b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; b=AAAA; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"
    signatures = b"".join(
        one + b" d=client.test; s=rsa; l=0; h=" + b":".join([b"from"] + [b"x"] * 499) + b"\r\n" for _ in range(10)
    )
    text = signatures + b"From: a@client.test\r\n" + b"x: " + b"y" * 1_000_000 + b"\r\n\r\n"
    found = asyncio.run(verify(letter(text), Records(published("client.test")), Rules(1.0)))
    assert [one.value for one in found] == ["fail"] * 10
