"""Our own SPF records: what is wrong with one is said in a sentence, asked over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from backend.config import Dns, HostPort
from backend.errors import Temporary
from backend.policy.spf_record import judge, published, suggest
from backend.resolver.resolver import Resolver
from tests.harness.name_server import SERVFAIL, NameServer, Rule


def _text(record: str) -> Rule:
    return [("TXT", [record.encode()])]


def _many(number: int) -> str:
    return "v=spf1 " + " ".join(f"a:a{n}.example.org" for n in range(number)) + " ip4:192.0.2.25 -all"


ZONE: dict[str, Rule] = {
    "example.org": [("TXT", [b"v=spf1 ip4:192.0.2.25", b" -all"]), ("TXT", [b"other"])],
    "two.test": [("TXT", [b"v=spf1 -all"]), ("TXT", [b"v=spf1 ~all"])],
    "nothing.test": [("A", "192.0.2.1")],
    "broken.test": SERVFAIL,
    "five.test": _text("v=spf1 a:a0.example.org a:a1.example.org a:a2.example.org a:a3.example.org ?all"),
    "loop.test": _text("v=spf1 include:loop.test -all"),
    **{f"a{number}.example.org": [("A", "192.0.2.99")] for number in range(20)},
}
OURS = (ip_address("192.0.2.25"), ip_address("2001:db8::25"))


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with NameServer(ZONE) as running:
        yield running


@pytest.fixture
def resolver(server: NameServer) -> Resolver:
    return Resolver(Dns((HostPort("127.0.0.1", server.port),), timeout_seconds=10, lifetime_seconds=20))


@pytest.mark.parametrize(
    "record",
    [
        suggest(OURS),
        "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all",
        "V=SPF1 IP4:192.0.2.25  IP6:2001:DB8::25 -ALL",
        _many(10).replace("v=spf1", "v=spf1 ip6:2001:db8::25"),
    ],
)
async def test_a_good_record(resolver: Resolver, record: str) -> None:
    assert await judge(record, "example.org", resolver, OURS) == ()


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("hello", "This is no SPF record"),
        ("v=spf10 -all", "This is no SPF record"),
        ("v=spf1 ip4:192.0.2.25", "It does not end with all, and forbids nobody to send for example.org"),
        ("v=spf1 +all", "It lets the whole world send for example.org (+all)"),
        ("v=spf1 all", "It lets the whole world send for example.org (+all)"),
        ("v=spf1 ip4:192.0.2.25 ?all", "It forbids nobody to send for example.org (?all)"),
        ("v=spf1 -all", "It does not let 192.0.2.25 send"),
        ("v=spf1 ip4:192.0.2.24 ~all", "It does not let 192.0.2.25 send"),
        (_many(11), "It needs 11 DNS look-ups, and receivers stop at 10"),
        ("v=spf1 ip4:192.0.2.25 include:five.test include:five.test -all", None),
        ("v=spf1 ip4:192.0.2.25 include:five.test include:five.test a -all", "It needs 11 DNS look-ups"),
        ("v=spf1 ip4:192.0.2.25 redirect=five.test", None),
        ("v=spf1 ip4:192.0.2.25 include:nothing.test -all", "It includes nothing.test, which has no SPF record."),
        ("v=spf1 ip4:192.0.2.25 include:loop.test -all", None),
        ("v=spf1 include:loop.test -all", "It is faulty, and receivers take no notice of it"),
        ("v=spf1 ipv4:192.0.2.25 -all", "It is faulty, and receivers take no notice of it"),
        ("v=spf1 ip4:192.0.2.25 ptr -all", "It uses ptr"),
        ("v=spf1 -all ip4:192.0.2.25", "What stands behind all is never looked at."),
        ("v=spf1 ip4:192.0.2.25 -all redirect=five.test", "It has both all and redirect"),
        ("v=spf1 ip4:192.0.2.25 " + "ip4:192.0.2.200 " * 40 + "-all", "past 450 some receivers"),
        ("v=spf1 " + "a" * 9_000 + " -all", "It is faulty"),
        ("v=spf1 \x00\x1b %{z} \xe4 = / : -all", "It is faulty"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said(resolver: Resolver, record: str, problem: str | None) -> None:
    problems = await judge(record, "example.org", resolver, OURS[:1])
    if problem is None:
        assert problems == ()
    else:
        assert any(said.startswith(problem) or problem in said for said in problems), problems
    assert all(said.endswith(".") and ".." not in said for said in problems), problems


async def test_what_is_published(resolver: Resolver) -> None:
    assert await published(resolver, "example.org") == ("v=spf1 ip4:192.0.2.25 -all",)
    assert len(await published(resolver, "two.test")) == 2
    assert await published(resolver, "nothing.test") == ()
    assert await published(resolver, "nowhere.test") == ()
    with pytest.raises(Temporary):
        await published(resolver, "broken.test")


async def test_when_the_dns_does_not_answer_nobody_is_blamed(resolver: Resolver) -> None:
    with pytest.raises(Temporary):
        await judge("v=spf1 include:broken.test -all", "example.org", resolver, OURS)
    [said] = await judge("v=spf1 a:broken.test -all", "example.org", resolver, OURS[:1])
    assert said.startswith("Whether 192.0.2.25 may send cannot be said now")
