"""The test points of RFC 5782, in zones of a real name server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.config import Dns as Settings
from backend.config import HostPort, ListZone
from backend.policy import list_health
from backend.policy.dnslist import DnsList
from backend.resolver.resolver import Resolver
from tests.harness.dns import BROKEN, Dns

_LISTED_6 = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 A 127.0.0.2"
ZONES = {
    "good.test": "2.0.0.127 A 127.0.0.2\n25.2.0.192 A 127.0.0.2\n25.2.0.192 TXT you",
    "world.test": "* A 127.0.0.2",
    "nobody.test": "x A 127.0.0.2",
    "refuses.test": "* A 127.255.255.254",
    "parked.test": "* A 192.0.2.80",
    "broken.test": BROKEN,
    "six.test": _LISTED_6,
    "domains.test": "test A 127.0.0.2",
    "own-point.test": "dbltest.com A 127.0.0.2",
    "all-domains.test": "* A 127.0.0.2",
}


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    with Dns(tmp_path_factory.mktemp("dns"), ZONES) as running:
        yield running


def asking(nameserver: Dns) -> Resolver:
    return Resolver(Settings((HostPort("127.0.0.1", nameserver.port),), timeout_seconds=10.0, lifetime_seconds=20.0))


@pytest.mark.parametrize(
    ("zone", "about", "point", "trouble"),
    [
        ("good.test", ("ipv4",), "", ""),
        ("good.test", ("ipv4", "ipv6"), "", ""),  # no point of IPv6 is missed
        ("world.test", ("ipv4",), "", "it lists everybody"),
        ("nobody.test", ("ipv4",), "", "it lists nobody"),
        ("refuses.test", ("ipv4",), "", "it does not answer public resolvers; it needs a resolver of our own"),
        ("parked.test", ("ipv4",), "", "it answers 192.0.2.80, which is no answer of a list"),
        ("broken.test", ("ipv4",), "", "it does not answer"),
        ("six.test", ("ipv6",), "", ""),
        ("domains.test", ("sender", "helo"), "", ""),
        ("own-point.test", ("sender",), "dbltest.com", ""),
        ("all-domains.test", ("sender",), "", "it lists everybody"),
        ("nobody.test", ("host",), "", "it lists nobody"),
    ],
)
async def test_is_it_well(nameserver: Dns, zone: str, about: tuple[str, ...], point: str, trouble: str) -> None:
    one = DnsList(ListZone(zone=zone, kind="black", about=about, test=point))
    found = await list_health.test(one, asking(nameserver), 20.0)
    assert found.trouble == trouble


async def test_our_own_addresses(nameserver: Dns) -> None:
    some = [DnsList(ListZone(zone=zone, kind="black", about=("ipv4",))) for zone in ("good.test", "broken.test")]
    found, answered = await list_health.own_addresses_on(
        some, ["192.0.2.25", "192.0.2.26", "2001:db8::1"], asking(nameserver), 20.0
    )
    assert found == {("good.test", "192.0.2.25"): "192.0.2.25 is listed in good.test: you"}
    assert sorted(answered) == [("good.test", "192.0.2.25"), ("good.test", "192.0.2.26")]  # no address of IPv6
