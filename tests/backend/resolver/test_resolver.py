"""Questions, asked of a real name server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from backend.config import Dns as Settings
from backend.config import HostPort
from backend.errors import Temporary
from backend.resolver.answer import Answer
from backend.resolver.lookups import Lookups
from backend.resolver.resolver import Resolver
from tests.harness.dns import BROKEN, Dns, Silence

ZONES = {
    "here.test": "@ TXT one\n@ TXT two\nalias CNAME @\nloop CNAME pool\npool CNAME loop\n"
    + "\n".join(f"many A 127.1.{n // 250}.{n % 250}" for n in range(1_000)),
    "broken.test": BROKEN,
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


async def test_records_and_none_and_no_such_name(resolver: Resolver) -> None:
    found = await resolver.ask("Here.Test.", "TXT")
    assert sorted(str(record) for record in found.records) == ['"one"', '"two"']
    assert (found.exists, found.name, found.ttl) == (True, "here.test", 1)
    assert await resolver.ask("here.test", "A") == Answer((), True, 1.0)
    assert await resolver.ask("nobody.here.test", "A") == Answer((), False, 1.0)
    assert (await resolver.ask("alias.here.test", "TXT")).name == "here.test"


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", ".".join(["abcdefgh"] * 40), "\\999.test", "\ud800.test"])
async def test_what_cannot_be_a_name_does_not_exist(resolver: Resolver, name: str) -> None:
    assert not (await resolver.ask(name, "TXT")).exists


@pytest.mark.parametrize("name", ["broken.test", "loop.here.test"])
async def test_a_failure_is_no_answer(resolver: Resolver, name: str) -> None:
    with pytest.raises(Temporary):
        await resolver.ask(name, "A")
    with pytest.raises(Temporary):  # and for a moment is not asked again
        resolver.known(name, "A")


async def test_an_answer_made_to_keep_us_busy_is_cut(resolver: Resolver) -> None:
    assert len((await resolver.ask("many.here.test", "A")).records) == 500


async def test_a_share_has_a_number(resolver: Resolver) -> None:
    share = Lookups(resolver, 2, 5.0)
    await share.ask("here.test", "TXT")
    await share.ask("here.test", "A")
    with pytest.raises(Temporary, match="too many"):
        await share.ask("here.test", "MX")


async def test_a_share_has_a_time() -> None:
    with Silence() as silence:
        settings = Settings((HostPort("127.0.0.1", silence.port),), timeout_seconds=5, lifetime_seconds=10)
        share = Lookups(Resolver(settings), 10, 0.2)
        async with asyncio.timeout(8):
            for name in ("a.test", "b.test"):
                with pytest.raises(Temporary):
                    await share.ask(name, "A")


async def test_a_share_counts_no_time_in_which_nothing_waits(resolver: Resolver) -> None:
    """A client may take longer to send its message than the DNS may take to answer."""
    share = Lookups(resolver, 10, 2.0)
    await share.ask("here.test", "TXT")
    await asyncio.sleep(2.1)
    assert (await share.ask("here.test", "A")).exists


async def test_a_share_counts_time_once_for_all_that_waits() -> None:
    with Silence() as silence:
        settings = Settings((HostPort("127.0.0.1", silence.port),), timeout_seconds=5, lifetime_seconds=1.5)
        share = Lookups(Resolver(settings), 10, 2.5)
        failed = await asyncio.gather(*(share.ask(f"{n}.test", "A") for n in range(5)), return_exceptions=True)
        assert {type(error) for error in failed} == {Temporary}
        assert not [error for error in failed if "took too long" in str(error)]  # it was the resolver that gave up
        with pytest.raises(Temporary, match="took too long"):
            await share.ask("another.test", "A")
