"""Asking DNS lists: dead ones, lying ones, and what is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rdatatype
import pytest

from backend.config import Dns as DnsSettings
from backend.config import DnsLists, HostPort, ListZone, Settings
from backend.limits import Limits
from backend.policy import standing as standing_module
from backend.policy.list_questions import ListQuestions, put
from backend.policy.standing import Standing
from backend.policy.tally import Tally
from backend.resolver.resolver import Resolver
from backend.store import dnslists
from backend.store.database import Store
from tests.harness import lying_dns
from tests.harness.lying_dns import Lie, LyingDns

BLACK = ListZone(zone="black.test", kind="black", about=("ipv4",))
DEAD = ListZone(zone="dead.test", kind="black", about=("ipv4",))


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    Store.create(tmp_path / "data")
    return Store.open(tmp_path / "data", Limits())


@pytest.fixture
def server() -> Iterator[LyingDns]:
    lies = {"dead.test": lying_dns.silence, "7.2.0.192.black.test": lying_dns.says("A", "127.0.0.2")}
    with LyingDns(lies) as running:
        yield running


def resolver(server: LyingDns, seconds: float = 30.0) -> Resolver:
    return Resolver(
        DnsSettings((HostPort("127.0.0.1", server.port),), timeout_seconds=seconds, lifetime_seconds=seconds)
    )


def questions(store: Store, *zones: ListZone) -> ListQuestions:
    settings = replace(Settings(), dnslists=DnsLists(timeout_seconds=1.0, zone=zones))
    return ListQuestions(settings, Standing(store), Tally(store))


def zones(asked: ListQuestions) -> list[str]:
    return [one.zone for one in asked.awake]


async def test_a_dead_list_costs_its_own_time_and_is_then_left_alone(store: Store, server: LyingDns) -> None:
    asked, names = questions(store, DEAD, BLACK), resolver(server)
    dead, black = asked.all
    assert zones(asked) == ["dead.test", "black.test"]
    started = time.monotonic()
    for number in range(3):
        assert (await asked.ask(dead, f"192.0.2.{number}", names)).state == "silent"
    assert time.monotonic() - started < 30.0  # far less than the 90 seconds that the name server is waited for
    assert zones(asked) == ["black.test"]
    assert (await asked.ask(black, "192.0.2.7", names)).state == "listed"
    assert (await asked.ask(black, "192.0.2.8", names)).state == "clear"
    store.close()


async def test_a_list_that_answers_again_is_not_counted_out(store: Store, server: LyingDns) -> None:
    asked, names = questions(store, DEAD), resolver(server)
    (dead,) = asked.all
    for _ in range(2):
        for number in range(2):
            await asked.ask(dead, f"192.0.2.{number}", resolver(server))
        server.lies["dead.test"] = lying_dns.says("A", "127.0.0.2")
        assert (await asked.ask(dead, "192.0.2.99", names)).state == "listed"
        server.lies["dead.test"] = lying_dns.silence
        names = resolver(server)
    assert zones(asked) == ["dead.test"]
    store.close()


async def test_a_list_that_is_off_is_not_asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_module, "_EVERY", 0.0)
    asked = questions(store, BLACK)
    assert zones(asked) == ["black.test"]
    await store.commit(lambda t: dnslists.tested(t, "black.test", "it lists everybody", "", ""))
    for _ in range(1_200):
        if not zones(asked):
            break
        await asyncio.sleep(0.05)
    assert zones(asked) == []
    store.close()


async def test_the_first_client_after_a_restart_knows_what_is_off(store: Store) -> None:
    await store.commit(lambda t: dnslists.tested(t, "black.test", "it lists everybody", "", ""))
    standing = Standing(store)
    settings = replace(Settings(), dnslists=DnsLists(zone=(BLACK,)))
    await standing.ready()
    assert zones(ListQuestions(settings, standing, Tally(store))) == []
    store.close()


async def test_what_is_counted_is_written_together(store: Store, server: LyingDns) -> None:
    settings = replace(Settings(), dnslists=DnsLists(zone=(BLACK,)))
    tally = Tally(store)
    asked, names = ListQuestions(settings, Standing(store), tally), resolver(server)
    for number in (7, 7, 8, 9):
        await asked.ask(asked.all[0], f"192.0.2.{number}", names)
    assert await store.query(dnslists.everything) == {}
    tally.flush()
    await store.commit(lambda t: None)
    known = (await store.query(dnslists.everything))["black.test"]
    assert (known.asked, known.hits, known.errors) == (4, 2, 0)
    store.close()


@pytest.mark.parametrize(
    ("lie", "state"),
    [
        (lying_dns.wrong_id("A", "127.0.0.2"), "silent"),
        (lying_dns.nonsense, "silent"),
        (lying_dns.servfail, "silent"),
        (lying_dns.alias_loop, "silent"),
        (lying_dns.endless_alias, "silent"),
        (lying_dns.says("A", "192.0.2.80"), "error"),
        (lying_dns.says("A", "127.255.255.254", "127.0.0.2"), "error"),
    ],
)
async def test_lies_list_nobody(store: Store, lie: Lie, state: str) -> None:
    with LyingDns({"black.test": lie}) as server:
        asked = questions(store, BLACK)
        assert (await asked.ask(asked.all[0], "192.0.2.7", resolver(server, 0.5))).state == state
    store.close()


async def test_what_a_list_says_is_cleaned_before_it_is_sent_on(store: Store) -> None:
    def both(query: dns.message.Message) -> bytes | None:
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        text = r'"evil\013\010250 2.0.0 OK\027[31m" "and more"'
        return lying_dns.says(kind, "127.0.0.2" if kind == "A" else text)(query)

    with LyingDns({"black.test": both}) as server:
        asked = questions(store, BLACK)
        found = await put(asked.all[0], "192.0.2.7", resolver(server))
    assert found.text == "evil 250 2.0.0 OK [31mand more"
    store.close()
