"""The name of an address, asked of honest, broken and lying name servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import dns.message
import dns.query
import pytest

from backend.config import Dns as Settings
from backend.config import HostPort
from backend.policy.reverse_dns import look_up
from backend.resolver.resolver import Resolver
from tests.harness import lying_dns
from tests.harness.dns import BROKEN, Dns, Silence
from tests.harness.lying_dns import Lie, LyingDns

ZONES = {
    "2.0.127.in-addr.arpa": """\
7 PTR mx.client.test.
8 PTR elsewhere.client.test.
9 PTR nowhere.client.test.
10 PTR wrong.client.test.
10 PTR mx10.client.test.
11 PTR mx.broken.test.
12 TXT "no PTR, but a name"
13 PTR .
14 PTR a\\032b.client.test.
""",
    "3.0.127.in-addr.arpa": BROKEN,
    "8.b.d.0.1.0.0.2.ip6.arpa": "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR Six.Client.test.",
    "client.test": "mx A 127.0.2.7\nelsewhere A 127.0.2.99\nmx10 A 127.0.2.10\nmx10 A 127.0.2.11\nsix AAAA 2001:db8::7",
    "broken.test": BROKEN,
}


def asking(port: int, seconds: float = 20.0) -> Resolver:
    return Resolver(Settings((HostPort("127.0.0.1", port),), timeout_seconds=seconds / 2, lifetime_seconds=seconds))


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    with Dns(tmp_path_factory.mktemp("dns"), ZONES) as running:
        yield running


@pytest.mark.parametrize(
    ("peer", "value", "name"),
    [
        ("127.0.2.7", "pass", "mx.client.test"),
        ("127.0.2.8", "fail", "elsewhere.client.test"),  # another address
        ("127.0.2.9", "fail", "nowhere.client.test"),  # no such name
        ("127.0.2.10", "pass", "mx10.client.test"),  # two names, one of them right
        ("127.0.2.11", "temperror", "mx.broken.test"),
        ("127.0.2.12", "permerror", ""),
        ("127.0.2.13", "permerror", ""),  # the root is no host
        ("127.0.2.14", "permerror", ""),  # nor is a name with a blank
        ("127.0.2.99", "permerror", ""),
        ("127.0.3.7", "temperror", ""),
        ("2001:db8::7", "pass", "six.client.test"),
        ("2001:db8::8", "permerror", ""),
    ],
)
async def test_what_an_address_is_called(nameserver: Dns, peer: str, value: str, name: str) -> None:
    found = await look_up(asking(nameserver.port), ip_address(peer))
    assert (found.value, found.name) == (value, name)


async def test_silence_is_no_answer() -> None:
    with Silence() as nobody:
        assert (await look_up(asking(nobody.port, 1.0), ip_address("127.0.2.7"))).value == "temperror"


@contextmanager
def lying(ptr: Lie, forward: Lie) -> Iterator[LyingDns]:
    with LyingDns({"7.2.0.127.in-addr.arpa": ptr, "test": forward}) as server:
        yield server


@pytest.mark.parametrize(
    ("ptr", "forward", "value"),
    [
        (lying_dns.says("PTR", "mx.test."), lying_dns.says("A", "127.0.2.7"), "pass"),
        (lying_dns.wrong_id("PTR", "mx.test."), lying_dns.says("A", "127.0.2.7"), "temperror"),
        (lying_dns.says("PTR", "mx.test."), lying_dns.wrong_id("A", "127.0.2.7"), "temperror"),
        (lying_dns.other_name("PTR", "mx.test."), lying_dns.says("A", "127.0.2.7"), None),
        (lying_dns.nonsense, lying_dns.says("A", "127.0.2.7"), "temperror"),
        (lying_dns.says("PTR", "mx.test."), lying_dns.nonsense, "temperror"),
        (lying_dns.endless_alias, lying_dns.says("A", "127.0.2.7"), "temperror"),
        (lying_dns.alias_loop, lying_dns.says("A", "127.0.2.7"), "temperror"),
        (lying_dns.says("PTR", "mx.test."), lying_dns.alias_loop, "temperror"),
        (lying_dns.says("PTR", "mx.test."), lying_dns.endless_alias, "temperror"),
        (lying_dns.says("PTR", "mx.test."), lying_dns.many("A", "127.9.9.{n}", 250), "fail"),
    ],
)
async def test_lies_confirm_nothing(ptr: Lie, forward: Lie, value: str | None) -> None:
    with lying(ptr, forward) as server:
        seconds = 1.0 if value == "temperror" else 20.0
        found = await look_up(asking(server.port, seconds), ip_address("127.0.2.7"))
    assert found.value == value if value else found.value != "pass"


async def test_ten_thousand_names_are_no_answer_and_cost_no_time() -> None:
    with lying(lying_dns.many("PTR", "h{n}.test.", 10_000), lying_dns.says("A", "127.0.9.9")) as server:
        resolver = asking(server.port, 1.0)
        query = dns.message.make_query("7.2.0.127.in-addr.arpa", "PTR")
        assert len(dns.query.tcp(query, "127.0.0.1", port=server.port).answer[0]) > 3_000  # all that fit into 64 KiB
        found = await look_up(resolver, ip_address("127.0.2.7"))
        assert found.value == "temperror"  # so much is read by nobody: it would keep all other clients waiting
        assert server.asked["test"] == 0


async def test_many_names_cost_five_questions() -> None:
    with lying(lying_dns.many("PTR", "h{n}.test.", 150), lying_dns.says("A", "127.0.9.9")) as server:
        resolver = asking(server.port)
        found = await look_up(resolver, ip_address("127.0.2.7"))
        assert found.value == "fail"
        assert server.asked["test"] <= 5
        asked = dict(server.asked)
        assert await look_up(resolver, ip_address("127.0.2.7")) == found
        assert server.asked["7.2.0.127.in-addr.arpa"] == asked["7.2.0.127.in-addr.arpa"]  # it was kept
