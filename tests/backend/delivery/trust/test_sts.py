"""MTA-STS in writing (RFC 8461)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.config import Outbound, Settings, Site
from backend.delivery.trust import sts
from backend.delivery.trust.sts import Invalid, Policy, parse, record_id

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


def test_a_policy() -> None:
    policy = parse(GOOD)
    assert policy == Policy("enforce", ("mail.example.com", "*.example.net"), 604_800)
    assert parse(GOOD.replace(b"\r\n", b"\n")) == policy
    assert parse(GOOD.rstrip()) == policy
    assert parse(GOOD + b"future_key: x y z\r\nmode: none\r\n") == policy  # the first of a key counts
    assert parse(b"version: STSv1\nmode: none\nmax_age: 1\n").mode == "none"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"STSv1", b"STSv2"),
        (b"version: STSv1\r\n", b""),
        (b"mode: enforce", b"mode: maybe"),
        (b"mode: enforce\r\n", b""),
        (b"max_age: 604800", b"max_age: -1"),
        (b"max_age: 604800", b"max_age: 31557601"),
        (b"max_age: 604800", b"max_age: soon"),
        (b"max_age: 604800", "max_age: \u0661".encode()),
        (b"mx: mail.example.com\r\nmx: *.example.net\r\n", b""),
        (b"mx: mail.example.com", b"mx: mail.*.com"),
        (b"mx: mail.example.com", b"mx: a b"),
        (b"mx: mail.example.com", b"just words"),
        (b"mx: mail.example.com", b"mx: \xff"),
        (b"mx: mail.example.com\r\n", b"mx: mail.example.com\r\n" * 201),
    ],
)
def test_what_is_no_policy(old: bytes, new: bytes) -> None:
    assert old in GOOD
    with pytest.raises(Invalid):
        parse(GOOD.replace(old, new))


def test_which_hosts_it_means() -> None:
    policy = parse(GOOD)
    assert all(map(policy.means, ("mail.example.com", "MAIL.example.com.", "a.example.net")))
    assert not any(map(policy.means, ("example.net", "a.b.example.net", "example.com", "xmail.example.com", "")))


def test_the_record() -> None:
    assert record_id(["v=STSv1; id=20160831085700Z;"]) == "20160831085700Z"
    assert record_id(["v=STSv1;id=1", "something else"]) == "1"
    assert record_id(["v=STSv1; x=y; id=1 ;"]) == "1"
    for wrong in ([], ["v=STSv1; id=1", "v=STSv1; id=2"], ["v=STSv1;"], ["v=STSv1; id=a b"], ["v=STSv1; id=é"],
                  ["V=STSv1; id=1"], [" v=STSv1; id=1"], ["v=STSv10; id=1"], [f"v=STSv1; id={'1' * 33}"]):  # fmt: skip
        assert record_id(wrong) is None, wrong


@given(st.binary(max_size=300) | st.lists(st.sampled_from(GOOD.split(b"\r\n")), max_size=9).map(b"\n".join))
def test_any_bytes_are_a_policy_or_none(body: bytes) -> None:
    try:
        policy = parse(body)
    except Invalid:
        return
    assert parse("\n".join(policy.strings).encode()) == policy


@given(st.lists(st.text(max_size=60) | st.sampled_from(["v=STSv1; id=1", "v=STSv1"]), max_size=3))
def test_any_record_is_an_id_or_none(texts: list[str]) -> None:
    identity = record_id(texts)
    assert identity is None or identity.isalnum()


def test_our_own() -> None:
    settings = Settings(site=Site(hostname="mail.example.org", domain="example.org"))
    assert parse(sts.policy_text(settings).encode()) == Policy("testing", ("mail.example.org",), 7 * 86_400)
    assert record_id([sts.policy_record(settings)]) == sts.policy_id(settings)
    other = replace(settings, outbound=Outbound(own_mode="enforce", own_hosts=("*.example.org",)))
    assert parse(sts.policy_text(other).encode()).means("a.example.org")
    assert sts.policy_id(other) != sts.policy_id(settings)
