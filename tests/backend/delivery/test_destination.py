"""Next hops: as many connections as they bear, and none that waits for another."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.backend.delivery.post import Post, slowly, until
from tests.harness.ports import free_port
from tests.harness.sink import CLOSE, HANG, Sink


async def test_one_connection_carries_many_messages(tmp_path: Path, sink: Sink) -> None:
    async with Post(tmp_path, smarthost=sink.address, idle_connection=60) as post:
        for _ in range(30):
            await post.send("bob@remote.test")
            await post.gone()
        assert len(sink.messages) == 30
        assert sink.sessions == 1


async def test_an_idle_connection_says_goodbye(post: Post, sink: Sink) -> None:
    await post.send("bob@remote.test")
    await until(lambda: sink.count("QUIT"), "goodbye")
    await until(lambda: not post.runner._destinations, "forgotten")


async def test_connections_grow_with_success_up_to_their_number(post: Post, sink: Sink) -> None:
    sink.script = {"BODY": slowly(0.03)}
    await asyncio.gather(*(post.send("bob@remote.test") for _ in range(300)))
    await post.gone()
    assert len(sink.messages) == 300
    assert 10 <= sink.sessions <= 20


async def test_a_host_that_takes_only_three_connections_gets_all_its_mail(tmp_path: Path) -> None:
    """More connections are refused with 421; that is no reason to defer what the three can carry."""
    with Sink() as sink:

        def greet(line: str) -> str:
            return "220 come in" if len(sink._open) <= 3 else "421 4.7.0 too many connections"

        sink.script = {"BANNER": greet, "BODY": slowly(0.01)}
        async with Post(tmp_path, smarthost=sink.address, idle_connection=0) as post:
            await asyncio.gather(*(post.send("bob@remote.test") for _ in range(200)))
            await post.gone()
            assert len(sink.messages) == 200
            deferred = post.store.read(lambda r: r.value("SELECT count(*) FROM events WHERE verdict = 'deferred'"))
            assert deferred == 0


@pytest.mark.parametrize("bye", [CLOSE, "421 4.7.0 enough"])
async def test_a_connection_that_ends_between_messages_defers_nothing(post: Post, sink: Sink, bye: str) -> None:
    """Many hosts take a number of messages and then want a new connection."""
    count = {"mail": 0}

    def some(line: str) -> str:
        count["mail"] += 1
        return bye if count["mail"] % 5 == 0 else "250 ok"

    sink.script = {"MAIL": some}
    for _ in range(12):
        await post.send("bob@remote.test")
        await post.gone()
    assert len(sink.messages) == 12
    assert post.store.read(lambda r: r.value("SELECT count(*) FROM events WHERE verdict = 'deferred'")) == 0


async def test_a_dead_host_costs_one_try_and_delays_nobody(tmp_path: Path) -> None:
    with Sink() as good, Sink({"BANNER": HANG}) as dead:
        routes = {"good.test": good.address, "dead.test": dead.address}
        async with Post(tmp_path, routes=routes, command_timeout=4) as post:
            sent = [await post.send("bob@dead.test") for _ in range(50)]
            for _ in range(20):
                await post.send("bob@good.test")
            await until(lambda: len(good.messages) == 20, "the others")
            assert not any(entry.attempts for entry in post.entries(sent[0]))  # while the dead one is still waited for
            for message in sent:
                await post.tried(message)
            assert dead.sessions == 1


async def test_a_host_that_greets_and_then_hangs_is_left_alone_soon(tmp_path: Path) -> None:
    with Sink({"MAIL": HANG}) as dead:
        async with Post(tmp_path, smarthost=dead.address, command_timeout=0.3) as post:
            sent = [await post.send("bob@dead.test") for _ in range(100)]
            for message in sent:
                await post.tried(message)
            assert dead.sessions <= 12


async def test_many_dead_hosts_do_not_starve_a_good_one(tmp_path: Path) -> None:
    """More of them than connections: they are looked for on the side."""
    with contextlib.ExitStack() as stack:
        good = stack.enter_context(Sink())
        dead = {f"dead{n}.test": stack.enter_context(Sink({"BANNER": HANG})) for n in range(12)}
        routes = {"good.test": good.address, **{domain: sink.address for domain, sink in dead.items()}}
        async with Post(tmp_path, routes=routes, connections=6, command_timeout=20) as post:
            await post.send("bob@good.test")
            await post.gone()
            for domain in dead:
                await post.send(f"bob@{domain}")
            await until(lambda: sum(sink.sessions for sink in dead.values()) >= 6, "under way")
            for _ in range(5):
                await post.send("bob@good.test")
            await until(lambda: len(good.messages) == 6, "the good one", within=15)
            for sink in dead.values():
                sink.__exit__()  # they hang up, and stopping need not wait


async def test_it_comes_back_by_itself(tmp_path: Path) -> None:
    port = free_port()
    async with Post(tmp_path, smarthost=f"127.0.0.1:{port}", retry_first=1) as post:
        messages = [await post.send("bob@remote.test") for _ in range(5)]
        for message in messages:
            await post.tried(message)
        with Sink(port=port) as sink:
            await until(lambda: len(sink.messages) == 5, "all of them")
            await post.gone()
