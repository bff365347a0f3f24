"""What a worker remembers of the access lists: nothing that has changed, and never too much; hits in batches."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.policy import access_lists
from backend.policy.access_lists import AccessLists
from backend.store import access
from backend.store.access_patterns import Subject, parse
from backend.store.database import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    Store.create(tmp_path / "data")
    opened = Store.open(tmp_path / "data")
    yield opened
    opened.close()


async def add(store: Store, what: str, kind: str | None = None, **given: Any) -> int:
    pattern = parse(what, kind)
    number = await store.commit(
        lambda t: access.add(t, "deny", pattern, **{"owner": "o", "reason": "r", "until": None, **given})
    )
    assert number is not None
    return number


def client(last: int = 7, **more: Any) -> Subject:
    return Subject(ipaddress.IPv4Address(0xC0000200 + last), **more)


async def numbers(lists: AccessLists, subject: Subject) -> list[int]:
    return [rule.id for rule in await lists.fitting(subject)]


async def test_a_change_counts_at_once_in_every_worker(store: Store) -> None:
    workers = [AccessLists(store), AccessLists(Store.open(store.folder))]
    for lists in workers:
        assert await numbers(lists, client()) == []
    first = await add(store, "192.0.2.7")
    second = await add(store, "192.0.2.0/24")
    for lists in workers:
        assert await numbers(lists, client()) == [first, second]
    await store.commit(lambda t: access.delete(t, [first]))
    for lists in workers:
        assert await numbers(lists, client()) == [second]
    workers[1]._store.close()


async def test_what_was_looked_up_is_not_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await add(store, "192.0.2.7")
    lists = AccessLists(store)
    assert await numbers(lists, client()) == [number]
    monkeypatch.setattr(store, "query", None)  # whoever asks fails
    assert await numbers(lists, client()) == [number]


async def test_without_rules_nothing_is_asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = AccessLists(store)
    assert await numbers(lists, client()) == []
    monkeypatch.setattr(store, "query", None)
    assert await numbers(lists, client(8, helo="x.test", sender="a@x.test", recipient="b@y.test")) == []
    assert not await lists.know_hosts()


async def test_a_rule_that_is_remembered_ends_in_its_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await add(store, "192.0.2.7", until=2e9)
    lists = AccessLists(store)
    assert await numbers(lists, client()) == [number]
    monkeypatch.setattr("backend.policy.access_lists.time.time", lambda: 2e9)
    assert await numbers(lists, client()) == []


async def test_rules_about_names_are_known_of(store: Store) -> None:
    lists = AccessLists(store)
    for what in ("mail.x.test", ".x.test", "a*.x.test"):
        number = await add(store, what, "host")
        assert await lists.know_hosts()
        await store.commit(lambda t, number=number: access.delete(t, [number]))  # type: ignore[misc]
        assert not await lists.know_hosts()


async def test_a_flood_of_new_addresses_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_lists, "_REMEMBERED", 10)
    number = await add(store, "192.0.2.7")
    lists = AccessLists(store)
    for last in range(50):
        await lists.fitting(client(last))
        assert len(lists._known) <= 10
    assert await numbers(lists, client()) == [number]


async def test_many_ask_while_rules_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who asks is told less than what holds all the while, whatever is forgotten in between."""
    monkeypatch.setattr(access_lists, "_REMEMBERED", 5)
    always = await add(store, "192.0.2.0/24")
    lists = AccessLists(store)

    async def ask(start: int) -> None:
        for step in range(60):
            sender = f"a{(start * step) % 7}@x.test"
            assert always in await numbers(lists, client((start + step) % 9, sender=sender, helo="x.test"))

    async def change() -> None:
        for step in range(30):
            number = await add(store, f"a{step % 7}@x.test")
            await store.commit(lambda t, number=number: access.delete(t, [number]))  # type: ignore[misc]

    await asyncio.gather(change(), *(ask(start) for start in range(10)))


async def test_hits_are_gathered_and_handed_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_lists, "_FLUSH", 0.05)
    number = await add(store, "192.0.2.7")
    lists = AccessLists(store)
    [rule] = await lists.fitting(client())
    recorded: list[Any] = []
    record = store.record

    def recording(work: Any) -> None:
        recorded.append(work)
        record(work)

    monkeypatch.setattr(store, "record", recording)
    for _ in range(100):
        lists.hit(rule)
    assert recorded == []
    await asyncio.sleep(0.2)
    assert len(recorded) == 1
    lists.hit(rule)
    lists.flush()
    await store.commit(lambda t: None)  # behind what was recorded
    found = store.read(lambda reader: access.one(reader, number))
    assert found is not None
    assert found.hits == 101
    lists.flush()
    assert len(recorded) == 2
