"""Chains: sealed by us and by dkimpy in turns, verified by both; broken in every place; trusted or not."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.policy.arc.chain import Chain
from backend.policy.arc.seal import seal
from backend.policy.arc.verify import passes, verify, vouched
from backend.policy.dkim import sign
from backend.policy.dkim.letter import letter
from backend.policy.dkim.verify import Rules
from tests.harness.keys import BROKEN, Records, pair, pem, published, rsa

RECORDS = Records(published("client.test", "one.test", "two.test", "three.test"))
SECTION = (
    b"From: ann@client.test\r\nTo: list@one.test\r\nSubject:  hello \t you\r\n there\r\n"
    b"Date: today\r\nMessage-ID: <1@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
)
BODY = b"Dear  all,\r\n\r\nhello \r\n\r\n\r\n"
SIGNED = sign.sign(SECTION, BODY, pair("client.test"), time.time()) + SECTION + b"\r\n" + BODY


def chain(message: bytes, records: Records = RECORDS) -> Chain:
    return asyncio.run(verify(letter(message), records, Rules(time.time())))


def sealed(message: bytes, domain: str, results: str = "dmarc=pass header.from=client.test") -> bytes:
    """Sealed by us, as mail host of `domain`."""
    field = f"Authentication-Results: mail.{domain};\r\n\t{results}\r\n".encode()
    key = pair(domain)[0]
    found = chain(message)
    return asyncio.run(seal(letter(message), found, field, key, time.time())) + message


def sealed_by_dkimpy(message: bytes, domain: str) -> bytes:
    field = f"Authentication-Results: mail.{domain}; dmarc=pass header.from=client.test; arc={chain(message).value}\r\n"
    message = field.encode() + message
    lines = dkim.arc_sign(message, b"rsa", domain.encode(), pem(rsa()), f"mail.{domain}".encode())
    return b"".join(lines) + message


def dkimpys(message: bytes) -> bytes | None:
    verdict: bytes | None = dkim.arc_verify(message, dnsfunc=RECORDS.text)[0]
    return verdict


def test_without_sets_there_is_no_chain() -> None:
    assert chain(SIGNED) == Chain("none")


def test_ours_three_times() -> None:
    message = SIGNED
    for number, domain in enumerate(("one.test", "two.test", "three.test"), 1):
        message = sealed(message, domain)
        found = chain(message)
        assert (found.value, len(found.sets), found.sealer) == ("pass", number, domain)
        assert dkimpys(message) == dkim.CV_Pass
    assert message.count(b"cv=none") == 1
    assert message.count(b"cv=pass") == 2


def test_dkimpys_three_times() -> None:
    message = SIGNED
    for number, domain in enumerate(("one.test", "two.test", "three.test"), 1):
        message = sealed_by_dkimpy(message, domain)
        found = chain(message)
        assert (found.value, found.reason, len(found.sets)) == ("pass", f"{number} set{'s' * (number > 1)}", number)


def test_in_turns() -> None:
    message = sealed(sealed_by_dkimpy(sealed(SIGNED, "one.test"), "two.test"), "three.test")
    assert chain(message).value == "pass"
    assert dkimpys(message) == dkim.CV_Pass


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Dear  all", b"Dear none", "the last signature: the body was changed"),
        (b"hello \t you", b"hullo", "the last signature: the header was changed or the signature is forged"),
        (b"mail.one.test;\r\n\tdmarc=pass", b"mail.one.test;\r\n\tdmarc=fail", "seal 2 is broken"),
        (b"mail.two.test;\r\n\tdmarc=pass", b"mail.two.test;\r\n\tdmarc=fail", "seal 2 is broken"),
        (b"cv=none", b"cv=pass", "seal 1 says cv=pass"),
        (b"cv=pass", b"cv=none", "seal 2 says cv=none"),
        (b"cv=pass", b"cv=fail", "two.test found it broken"),
        (b"cv=pass", b"cv=maybe", "seal 2 says nothing of the chain"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=1", "the sets are not numbered from 1"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=3", "the sets are not numbered from 1"),
        (b"ARC-Seal: i=2", b"ARC-Seal: h=from; i=2", "seal 2 names fields"),
        (b"ARC-Seal: i=2", b"X-Seal: i=2", "a set is not complete"),
        (b"ARC-Authentication-Results: i=1", b"X: i=1", "a set is not complete"),
        (b"ARC-Authentication-Results: i=1", b"ARC-Authentication-Results: i=", "a set has no number"),
        (b"ARC-Message-Signature: i=1", b"ARC-Message-Signature: i=one", "i= is not a number"),
        (b"d=two.test", b"d=..", "seal 2 has no domain"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "the algorithm of two.test is not known"),
    ],
)
def test_broken(old: bytes, new: bytes, reason: str) -> None:
    message = sealed(sealed(SIGNED, "one.test"), "two.test")
    assert chain(message).value == "pass"
    assert old in message
    found = chain(message.replace(old, new, 1))
    assert (found.value, found.reason) == ("fail", reason)


def test_a_changed_body_under_a_new_seal_is_what_a_list_does() -> None:
    changed = sealed(SIGNED, "one.test").replace(b"Subject:  hello", b"Subject: [list] hello") + b"-- \r\nthe list\r\n"
    assert chain(changed).value == "fail"
    before = chain(sealed(SIGNED, "one.test"))
    field = b"Authentication-Results: mail.two.test;\r\n\tarc=pass\r\n"
    again = asyncio.run(seal(letter(changed), before, field, pair("two.test")[0], time.time())) + changed
    assert (chain(again).value, dkimpys(again)) == ("pass", dkim.CV_Pass)


def test_the_dns_decides_nothing() -> None:
    message = sealed(sealed(SIGNED, "one.test"), "two.test")
    for name in ("one.test", "two.test"):
        records = Records({**RECORDS.texts, f"rsa._domainkey.{name}": BROKEN})
        assert chain(message, records).value == "temperror"
        gone = Records({key: text for key, text in RECORDS.texts.items() if name not in key})
        assert chain(message, gone).value == "fail"


def test_what_is_sealed_when_it_is_broken() -> None:
    """As if the set were the only one, and never again (RFC 8617 §5.1.2)."""
    broken = sealed(SIGNED, "one.test") + b"more\r\n"
    again = sealed(broken, "two.test")
    assert b"ARC-Seal: i=2;" in again
    assert b"cv=fail" in again
    assert chain(again).reason == "two.test found it broken"
    assert sealed(again, "three.test") == again


def test_what_is_never_sealed() -> None:
    message = sealed(SIGNED, "one.test")
    field, key = b"Authentication-Results: x; none\r\n", pair("two.test")[0]
    for value in ("temperror", "fail"):
        unknown = Chain(value) if value == "fail" else replace(chain(message), value=value)
        assert asyncio.run(seal(letter(message), unknown, field, key, time.time())) == b""
    fifty = Chain("pass", sets=chain(message).sets * 50)
    assert asyncio.run(seal(letter(message), fifty, field, key, time.time())) == b""


def test_fifty_sets_and_no_more() -> None:
    message = SIGNED
    for _ in range(50):
        message = sealed(message, "one.test")
    assert (chain(message).value, len(chain(message).sets)) == ("pass", 50)
    assert sealed(message, "one.test") == message
    extra = re.sub(rb"i=50;", b"i=51;", message[: message.index(b"ARC-Seal: i=49")]) + message
    assert chain(extra).reason == "there are more than 50 sets"


def test_who_vouches() -> None:
    first = sealed(SIGNED, "one.test")
    second = sealed(first, "two.test", "dmarc=fail header.from=client.test")
    third = sealed(second, "three.test", "dmarc=fail header.from=client.test")
    found = chain(third)
    assert vouched(found, ["one.test", "two.test", "three.test"]) == "one.test"
    assert vouched(found, ["ONE.test", "Two.test", "three.TEST"]) == "one.test"
    assert vouched(found, ["one.test", "three.test"]) == ""  # two.test stands between
    assert vouched(found, ["one.test"]) == ""
    assert vouched(found, []) == vouched(None, ["one.test"]) == ""
    assert vouched(chain(first), ["one.test"]) == "one.test"
    assert vouched(replace(found, value="fail"), ["one.test", "two.test", "three.test"]) == ""


@pytest.mark.parametrize(
    ("results", "yes"),
    [
        (b" i=1; mail.test; spf=pass; dmarc=pass header.from=x.test", True),
        (b" i=1; mail.test;\r\n\tDMARC = pass (p=none) header.from=x.test", True),
        (b" i=1; mail.test; dmarc=fail (; dmarc=pass ;) header.from=x.test", False),
        (b' i=1; mail.test; dmarc=fail reason="; dmarc=pass ;"', False),
        (b' i=1; mail.test; dmarc=fail reason="; dmarc=pass ;', False),
        (b' i=1; mail.test; dmarc=fail reason="\\"; dmarc=pass ;"', False),
        (b" i=1; mail.test; dmarc=fail reason=\\(; dmarc=pass", True),  # no comment; nobody's string
        (b" i=1; mail.test; dmarc=passed", False),
        (b" i=1; mail.test; x-dmarc=pass", False),
        (b" i=1; mail.test; spf=pass smtp.mailfrom=dmarc=pass", False),
        (b" i=1; mail.test (((; dmarc=pass", False),
    ],
)
def test_results_are_read_with_care(results: bytes, yes: bool) -> None:
    assert passes(results) is yes


FIELD = st.tuples(
    st.sampled_from([b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results", b"From"]),
    st.one_of(
        st.sampled_from([b"i=1; a=rsa-sha256; cv=none; d=one.test; s=rsa; b=AAAA", b"i=1; mail.test; dmarc=pass",
                         b"i=1; a=rsa-sha256; bh=AAAA; d=one.test; s=rsa; h=from; b=AAAA", b"a@client.test"]),
        st.binary(max_size=60).map(lambda text: text.replace(b"\r", b"").replace(b"\n", b"")),
    ),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(FIELD, max_size=8))
def test_nonsense_is_no_chain(fields: list[tuple[bytes, bytes]]) -> None:
    section = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    assert chain(section + b"\r\nbody\r\n").value in ("none", "fail")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_results_of_anybody(text: bytes) -> None:
    passes(text)
