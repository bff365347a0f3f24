"""The runner: what it leases, what it gives back, and what a stop, a kill or a full disk does to mail. Nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.address import Address
from backend.config import Relay, Route, Spam
from backend.delivery import housekeeping, owner
from backend.delivery import runner as module
from backend.errors import Temporary
from backend.store import accounts, queue, spam_scores, trace
from backend.store.database import Transaction
from backend.store.messages import Remote
from tests.backend.delivery.post import TEXT, Post, host_port, slowly, until
from tests.harness.sink import HANG, Sink
from tests.harness.smtp_sink import SmtpSink


async def test_all_of_a_thousand_arrive_at_smtp_sink(tmp_path: Path) -> None:
    with SmtpSink(tmp_path / "kept") as sink:
        async with Post(tmp_path, smarthost=sink.address) as post:
            await asyncio.gather(*(post.send(f"p{number}@d{number % 50}.test") for number in range(1_000)))
            await post.gone()
            assert post.rows("messages") == 0
        kept = sink.messages()
    assert len(kept) == 1_000
    assert len({message.partition(b"X-Rcpt-Args: ")[2].split(b"\n")[0] for message in kept}) == 1_000


async def test_memory_does_not_grow_with_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 600)
    with Sink({"BANNER": HANG}) as slow:
        async with Post(tmp_path, smarthost=slow.address, command_timeout=30) as post:
            await asyncio.gather(*(post.send("bob@remote.test") for _ in range(1_500)))
            await until(lambda: len(post.runner._held) >= 300, "leased")
            await asyncio.sleep(0.5)
            assert len(post.runner._held) <= 600
            slow.__exit__()


async def test_a_full_smart_host_does_not_stop_a_route(tmp_path: Path) -> None:
    with Sink({"BANNER": HANG}) as slow, Sink() as good:
        async with Post(
            tmp_path, smarthost=slow.address, routes={"good.test": good.address}, command_timeout=30
        ) as post:
            await asyncio.gather(*(post.send(f"bob@d{n % 20}.test") for n in range(1_000)))
            await asyncio.sleep(0.3)
            await post.send("bob@good.test")
            await until(lambda: good.messages, "the routed one", within=20)
            slow.__exit__()


async def test_a_stop_finishes_what_is_under_way_and_gives_the_rest_back(post: Post, sink: Sink) -> None:
    sink.script = {"BODY": slowly(0.5)}
    for _ in range(100):
        await post.send("bob@remote.test")
    await until(lambda: sink.count("DATA"), "under way")
    await post.stop()
    left = post.entries()
    assert left  # it did not wait until all were sent
    await until(lambda: all(entry.lease is None for entry in post.entries()), "given back")
    assert len(left) + len(sink.messages) == 100
    assert sink.messages
    sink.script = {}
    post.start()
    await post.gone()
    assert len(sink.messages) == 100


async def test_a_lease_that_runs_out_comes_back(post: Post, sink: Sink) -> None:
    """Of a runner on another host, say, that nobody hears from any more."""
    await post.stop()
    message = await post.send("bob@remote.test")
    leased = time.time()
    await post.store.commit(lambda transaction: queue.lease(transaction, "elsewhere/1/1/x", 1.0, 10))
    post.start()
    await post.gone(message)
    assert len(sink.messages) == 1
    relayed = post.store.read(lambda reader: reader.value("SELECT time FROM events WHERE verdict = 'relayed'"))
    assert relayed >= leased + 1.0


async def test_what_a_killed_process_held_goes_on_at_once(post: Post, sink: Sink) -> None:
    await post.stop()
    message = await post.send("bob@remote.test")
    process = subprocess.Popen(
        [sys.executable, "-c", "from backend.delivery import owner; print(owner.name(), flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert not owner.dead(name)
    await post.store.commit(lambda transaction: queue.lease(transaction, name, 600.0, 10))
    process.kill()
    process.wait()
    assert owner.dead(name)
    assert not owner.dead("elsewhere/1/1/x")
    assert not owner.dead("what")
    post.start()
    await post.gone(message)
    assert len(sink.messages) == 1


async def test_long_work_keeps_its_lease(tmp_path: Path) -> None:
    with Sink({"BODY": slowly(2.5)}) as slow:
        async with Post(tmp_path, smarthost=slow.address, lease=1, data_timeout=10) as post:
            await post.send("bob@remote.test")
            await post.gone()
        assert len(slow.messages) == 1


@contextlib.contextmanager
def disk(monkeypatch: pytest.MonkeyPatch, full: dict[str, bool]) -> Iterator[None]:
    """While `full["now"]`, nothing can be written down."""
    real = queue.finish

    def finish(*arguments: Any, **named: Any) -> None:
        if full["now"]:
            raise Temporary("The mail system is short of disk space", code=452, status="4.3.1")
        real(*arguments, **named)

    monkeypatch.setattr(queue, "finish", finish)
    yield


async def test_a_full_disk_sends_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent waits to be written down, even past the end of its lease; and little is sent meanwhile."""
    full = {"now": True}
    with Sink() as sink, disk(monkeypatch, full):
        async with Post(tmp_path, smarthost=sink.address, lease=1) as post:
            await asyncio.gather(*(post.send("bob@remote.test") for _ in range(100)))
            await until(lambda: len(sink.messages) >= 20, "sent")
            await asyncio.sleep(2.5)
            assert len(post.entries()) == 100
            assert len(sink.messages) <= 40  # 20 unwritten, and as many as there are connections
            full["now"] = False
            await post.gone()
        assert len(sink.messages) == 100


async def test_a_store_that_cannot_be_read_is_asked_again(
    post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = type(post.store).read, {"now": True}

    def read(self: Any, query: Any) -> Any:
        if broken["now"]:
            raise Temporary("The store is not available at the moment")
        return real(self, query)

    monkeypatch.setattr(type(post.store), "read", read)
    await post.send("bob@remote.test")
    await asyncio.sleep(0.3)
    assert not sink.messages
    broken["now"] = False
    await post.gone()
    assert len(sink.messages) == 1


async def test_a_reload_sends_what_waits_by_the_new_way(tmp_path: Path) -> None:
    with Sink({"BODY": slowly(0.3)}) as old, Sink() as new:
        async with Post(tmp_path, smarthost=old.address, connections_per_destination=1) as post:
            await asyncio.gather(*(post.send("bob@remote.test") for _ in range(50)))
            await until(lambda: old.count("DATA"), "under way")
            before = len(old.messages)
            relay = Relay(route=(Route("remote.test", host_port(new.address)),))
            post.runner.reload(replace(post.settings, relay=relay))
            await post.gone()
            assert before < len(old.messages) <= before + 2  # what was on its way, and nothing more
            assert len(old.messages) + len(new.messages) == 50


async def test_a_large_message_is_not_in_memory(tmp_path: Path) -> None:
    size = 60_000_000
    with SmtpSink() as sink:
        async with Post(tmp_path, smarthost=sink.address) as post:
            body = post.large(size, b"x" * 990 + b"\r\n")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await post.accept(body, "bob@remote.test")
            await post.gone()
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


# -- at home after all


async def test_a_domain_that_has_become_ours(post: Post) -> None:
    await post.stop()
    message = await post.send("bob@moved.test", "gone@moved.test")
    success = await post.send(Remote("bob@moved.test", "moved.test", "SUCCESS"))

    def move(transaction: Any) -> None:
        accounts.add_domain(transaction, "moved.test")
        accounts.add_account(transaction, Address("bob", "example.org"), None)
        accounts.add_alias(transaction, Address("bob", "moved.test"), Address("bob", "example.org"))

    await post.store.commit(move)
    post.start()
    await post.gone(message)
    await post.gone(success)
    assert [box.endswith(TEXT) for box in post.inbox("bob")] == [True, True]
    reports = b"".join(await post.reports(2))
    assert b"Status: 5.1.1" in reports
    assert b"There is no gone@moved.test here" in reports
    assert b"Action: delivered" in reports
    assert b"Delivered-To: bob@example.org" in post.inbox("bob")[0]


async def test_what_goes_on_from_here_leaves_with_a_sender_of_ours(post: Post, sink: Sink) -> None:
    def forward(transaction: Any) -> None:
        accounts.add_alias(transaction, Address("bob", "example.org"), Address("bob", "remote.test"))

    await post.store.commit(forward)
    message = await post.send("bob@example.org", sender="ann@client.test")
    await post.gone(message)
    [received] = sink.messages
    assert received.recipients == ["bob@remote.test"]
    assert received.sender.startswith("SRS0=")
    assert received.sender.endswith("=client.test=ann@example.org")
    for sender in ("alice@example.org", ""):
        await post.gone(await post.send("bob@example.org", sender=sender))
    assert [one.sender for one in sink.messages[1:]] == ["alice@example.org", ""]


async def test_a_message_that_leaves_with_two_senders_is_two_transactions(post: Post, sink: Sink) -> None:
    remote = [
        Remote("a@x.test", "x.test"),
        Remote("b@x.test", "x.test", leaves_as="SRS0=1=2=client.test=ann@example.org"),
    ]
    message = await post.send(*remote, sender="ann@client.test")
    await post.gone(message)
    assert {(one.sender, *one.recipients) for one in sink.messages} == {
        ("ann@client.test", "a@x.test"),
        ("SRS0=1=2=client.test=ann@example.org", "b@x.test"),
    }


# -- housekeeping


async def test_housekeeping(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_BREATH", 0.0)
    leftover = post.store.folder / "spool" / "leftover"
    leftover.write_bytes(b"x")

    def old(transaction: Any) -> None:
        for _ in range(2_500):
            trace.add(transaction, "queue", "held")
        transaction.execute("UPDATE events SET time = 1000")

    await post.store.commit(old)
    os.utime(leftover, (1, 1))
    await housekeeping.Housekeeping(post.settings, post.store).once()
    assert post.rows("events") == 0
    assert not leftover.exists()


async def test_housekeeping_forgets_scores_by_age_and_beyond_a_number(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_BREATH", 0.0)

    def fill(transaction: Transaction) -> None:
        for number in range(1, 2_501):
            spam_scores.note(transaction, number, "a@b.test", {"points": 1.0, "marked": False, "reasons": {}})
        transaction.execute("UPDATE spam_scores SET time = 1000 WHERE message <= 1200")

    await post.store.commit(fill)
    for most, left in ((10_000, 1_300), (7, 7)):
        settings = replace(post.settings, spam=Spam(keep_scores=most))
        await housekeeping.Housekeeping(settings, post.store).once()
        assert post.rows("spam_scores") == left
