"""Names to mail hosts, asked of a real name server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.config import Dns as Settings
from backend.config import HostPort
from backend.errors import MailError, Permanent, Temporary
from backend.resolver.mail_hosts import Host, addresses, mail_hosts
from backend.resolver.resolver import Resolver
from tests.harness.dns import BROKEN, Dns, Silence

ZONES = {
    "mx.test": "@ MX 20 second\n@ MX 10 first\nfirst A 127.0.0.11\nsecond A 127.0.0.12\nsecond AAAA ::2",
    "equal.test": "@ MX 10 a\n@ MX 10 b\n@ MX 10 c\na A 127.0.0.1\nb A 127.0.0.2\nc A 127.0.0.3",
    "implicit.test": "@ A 127.0.0.11\n@ AAAA ::1",
    "null.test": "@ MX 0 .",
    "halfnull.test": "@ MX 0 .\n@ MX 10 mail\nmail A 127.0.0.11",
    "nothing.test": "@ TXT none",
    "dangling.test": "@ MX 10 gone\n@ MX 20 here\nhere A 127.0.0.11",
    "alldangling.test": "@ MX 10 gone",
    "loop.test": "@ MX 10 mail.example.org.\n@ MX 20 other\nother A 127.0.0.11",
    "backup.test": "@ MX 10 best\n@ MX 20 Mail.Example.ORG.\n@ MX 30 worse\nbest A 127.0.0.11\nworse A 127.0.0.12",
    "alias.test": "@ MX 10 name\nname CNAME real\nreal A 127.0.0.11",
    "impossible.test": "@ MX 10 a\n@ MX 20 b\na A 0.0.0.0\na AAAA ff02::1\nb A 127.0.0.11",
    "many.test": "\n".join(f"@ MX {n} h{n}\nh{n} A 127.0.1.{n}\nh{n} AAAA ::{n}" for n in range(1, 60)),
    "broken.test": BROKEN,
    "halfbroken.test": "@ MX 10 mail.broken.test.\n@ MX 20 mail\nmail A 127.0.0.11",
    "allbroken.test": "@ MX 10 mail.broken.test.",
}


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    """One for all tests."""
    with Dns(tmp_path_factory.mktemp("dns"), ZONES) as running:
        yield running


@pytest.fixture
def resolver(nameserver: Dns) -> Resolver:
    """Asks it."""
    return Resolver(Settings((HostPort("127.0.0.1", nameserver.port),), timeout_seconds=10.0, lifetime_seconds=20.0))


async def hosts(resolver: Resolver, domain: str) -> list[str]:
    """The addresses, in order."""
    return [host.address for host in await mail_hosts(resolver, domain, "mail.example.org")]


@pytest.mark.parametrize(
    ("domain", "addresses"),
    [
        ("mx.test", ["127.0.0.11", "::2", "127.0.0.12"]),
        ("implicit.test", ["::1", "127.0.0.11"]),
        ("halfnull.test", ["127.0.0.11"]),
        ("dangling.test", ["127.0.0.11"]),
        ("backup.test", ["127.0.0.11"]),
        ("alias.test", ["127.0.0.11"]),
        ("impossible.test", ["127.0.0.11"]),
        ("halfbroken.test", ["127.0.0.11"]),
        ("[192.0.2.1]", ["192.0.2.1"]),
        ("[IPv6:2001:db8::1]", ["2001:db8::1"]),
    ],
)
async def test_found(resolver: Resolver, domain: str, addresses: list[str]) -> None:
    assert await hosts(resolver, domain) == addresses


@pytest.mark.parametrize(
    ("domain", "kind", "status"),
    [
        ("null.test", Permanent, "5.1.10"),
        ("nxdomain.test", Permanent, "5.1.2"),
        ("nothing.test", Permanent, "5.1.2"),
        ("alldangling.test", Permanent, "5.4.4"),
        ("loop.test", Permanent, "5.4.6"),
        ("[0.0.0.0]", Permanent, "5.1.2"),
        ("[what]", Permanent, "5.1.2"),
        ("broken.test", Temporary, "4.4.3"),
        ("allbroken.test", Temporary, "4.4.3"),
    ],
)
async def test_not_found(resolver: Resolver, domain: str, kind: type[MailError], status: str) -> None:
    with pytest.raises(kind) as caught:
        await hosts(resolver, domain)
    assert caught.value.status == status
    assert domain in str(caught.value)


async def test_hosts_of_one_preference_take_turns(resolver: Resolver) -> None:
    firsts = {(await hosts(resolver, "equal.test"))[0] for _ in range(60)}
    assert firsts == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}


async def test_a_list_without_end_has_one(resolver: Resolver) -> None:
    assert len(await hosts(resolver, "many.test")) == 12


async def test_silence_is_temporary_and_has_an_end() -> None:
    with Silence() as silence:
        resolver = Resolver(Settings((HostPort("127.0.0.1", silence.port),), timeout_seconds=0.2, lifetime_seconds=0.4))
        async with asyncio.timeout(30):
            with pytest.raises(Temporary) as caught:
                await hosts(resolver, "mx.test")
    assert caught.value.status == "4.4.3"


async def test_one_question_for_all_who_ask_and_an_answer_that_is_kept(tmp_path: Path) -> None:
    with Dns(tmp_path / "dns", {"kept.test": "@ A 127.0.0.11"}) as server:
        resolver = Resolver(Settings((HostPort("127.0.0.1", server.port),), timeout_seconds=3.0, lifetime_seconds=3.0))
        first = await asyncio.gather(*(hosts(resolver, "kept.test") for _ in range(100)))
        assert all(found == ["127.0.0.11"] for found in first)
    assert await hosts(resolver, "kept.test") == ["127.0.0.11"]  # though nobody is there to ask
    with pytest.raises(Temporary):
        await hosts(resolver, "other.test")


async def test_the_second_name_server_answers_for_the_first(nameserver: Dns) -> None:
    with Silence() as silence:
        servers = (HostPort("127.0.0.1", silence.port), HostPort("127.0.0.1", nameserver.port))
        resolver = Resolver(Settings(servers, timeout_seconds=0.3, lifetime_seconds=20.0))
        assert await addresses(resolver, "first.mx.test") == [Host("first.mx.test", "127.0.0.11")]
