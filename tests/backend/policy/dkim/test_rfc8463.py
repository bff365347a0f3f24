"""The message of RFC 8463, Appendix A: one signature by Ed25519, one by RSA."""

from __future__ import annotations

import asyncio

import pytest

from backend.policy.dkim.letter import letter
from backend.policy.dkim.verify import Outcome, Rules, verify
from tests.harness.keys import Records

RECORDS = Records(
    {
        "brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; "
        "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "test._domainkey.football.example.com": "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
        "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
        "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
        "Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
    }
)
MESSAGE = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")
NOW = 1528637909.0


def outcomes(message: bytes, now: float = NOW) -> list[Outcome]:
    return asyncio.run(verify(letter(message), RECORDS, Rules(now)))


def test_both_signatures_pass() -> None:
    found = outcomes(MESSAGE)
    assert [(one.value, one.reason) for one in found] == [("pass", ""), ("pass", "weak key of 1024 bits")]
    assert dict(found[0].properties) == {
        "header.d": "football.example.com",
        "header.i": "@football.example.com",
        "header.s": "brisbane",
        "header.a": "ed25519-sha256",
        "header.b": "/gCrinpc",
    }


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Are you hungry", b"Are you Hungry", "the body was changed"),
        (b"Joe.\r\n", b"Joe.\r\nPS: buy now\r\n", "the body was changed"),
        (b"dinner ready", b"dinner late", "the header was changed or the signature is forged"),
        (b"Joe SixPack", b"Joe Sixpack", "the header was changed or the signature is forged"),
        (b"t=1528637909", b"t=1528637908", "the header was changed or the signature is forged"),
    ],
)
def test_a_change_fails_both(old: bytes, new: bytes, reason: str) -> None:
    found = outcomes(MESSAGE.replace(old, new))
    assert [(one.value, one.reason) for one in found] == [("fail", reason)] * 2


def test_what_relaxed_forgives() -> None:
    changed = MESSAGE.replace(b"hungry yet?", b"hungry \t yet?  \t").replace(b"Subject: Is", b"SUBJECT:   Is\r\n ")
    assert [one.value for one in outcomes(changed + b"\r\n\r\n")] == ["pass", "pass"]


def test_added_fields_that_were_signed_as_missing() -> None:
    """h= names From, Subject and Date twice, so that a second one breaks the signatures."""
    for name, value in ((b"Subject", "fail"), (b"Date", "fail"), (b"From", "permerror")):
        assert [one.value for one in outcomes(name + b": another\r\n" + MESSAGE)] == [value] * 2


def test_an_old_signature_does_not_count() -> None:
    found = outcomes(MESSAGE, NOW + 15 * 86_400)
    assert [(one.value, one.reason) for one in found] == [("policy", "it was made more than 14 days ago")] * 2
    assert [one.value for one in outcomes(MESSAGE, NOW - 400)] == ["policy"] * 2
    assert [one.value for one in outcomes(MESSAGE, NOW - 200)] == ["pass"] * 2
