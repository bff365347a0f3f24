"""The names of a client, from a real name server that also lies."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from backend.config import Dns as Settings
from backend.config import HostPort
from backend.resolver.resolver import Resolver
from backend.resolver.reverse import Names, verified
from tests.harness.dns import BROKEN, Dns, Silence

REVERSE = """\
7 PTR mail.here.test.
8 PTR mail.here.test.
9 PTR mail.here.test.
9 PTR nobody.here.test.
10 PTR mail.here.test.
10 PTR x.broken.test.
11 PTR bad\\032name.here.test.
11 PTR under_score.here.test.
11 PTR .
12 PTR x.broken.test.
13 PTR alias.here.test.
14 TXT none
""" + "\n".join(f"15 PTR n{number}.many.test." for number in range(100))
SIX = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR mail.here.test."
ZONES = {
    "2.0.192.in-addr.arpa": REVERSE,
    "8.b.d.0.1.0.0.2.ip6.arpa": SIX,
    "here.test": "mail A 192.0.2.7\nmail A 192.0.2.9\nmail A 192.0.2.10\nmail AAAA 2001:db8::7\n"
    "under_score A 192.0.2.11\nreal A 192.0.2.13\nalias CNAME real\n",
    "many.test": "* A 192.0.2.15",
    "broken.test": BROKEN,
}


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    with Dns(tmp_path_factory.mktemp("dns"), ZONES) as running:
        yield running


@pytest.mark.parametrize(
    ("peer", "names"),
    [
        ("192.0.2.7", Names(("mail.here.test",))),
        ("2001:db8::7", Names(("mail.here.test",))),
        ("192.0.2.8", Names()),  # the name knows nothing of it
        ("192.0.2.9", Names(("mail.here.test",))),  # one of its names is true
        ("192.0.2.10", Names(("mail.here.test",), whole=False)),
        ("192.0.2.11", Names(("under_score.here.test",))),
        ("192.0.2.12", Names(whole=False)),
        ("192.0.2.13", Names(("alias.here.test",))),
        ("192.0.2.14", Names()),
        ("192.0.2.77", Names()),
        ("2001:db8::8", Names()),
    ],
)
async def test_names_that_lead_back(nameserver: Dns, peer: str, names: Names) -> None:
    resolver = Resolver(
        Settings((HostPort("127.0.0.1", nameserver.port),), timeout_seconds=10.0, lifetime_seconds=20.0)
    )
    assert await verified(ip_address(peer), resolver, 10) == names


async def test_of_many_names_some_are_looked_at(nameserver: Dns) -> None:
    resolver = Resolver(Settings((HostPort("127.0.0.1", nameserver.port),)))
    found = await verified(ip_address("192.0.2.15"), resolver, 10)
    assert found.whole
    assert len(found.names) == 10


async def test_silence_is_not_no_name() -> None:
    with Silence() as silence:
        resolver = Resolver(Settings((HostPort("127.0.0.1", silence.port),), timeout_seconds=0.2, lifetime_seconds=0.3))
        assert await verified(ip_address("192.0.2.7"), resolver, 10) == Names(whole=False)
