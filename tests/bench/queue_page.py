"""The first page of a queue with 1,000,000 entries, and a page of one destination, as a console asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from backend import ids
from backend.store import messages
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Message, Remote
from tests.bench.load import BenchSite, smtp_source
from tests.bench.table import Row
from tests.harness.postfix import Postfix
from tests.harness.waiting import until

_ENTRIES = 1_000_000
_EACH = 100  # recipients of one message
_DOMAINS = 2_000  # every third entry is for the first of them
_PEER_ENTRIES = 30_000
_BODY = Body(size=4096, data=b"Subject: waiting\r\n\r\n" + b"x" * 4074 + b"\r\n")


def measure(folder: Path, runs: int) -> list[Row]:
    """Milliseconds; the peer prints a queue of 30,000 with `postqueue -j`."""
    peer = _postfix(folder / "postfix", runs)
    with BenchSite(folder / "site") as site:
        _fill(site.data)
        site.start()
        site.call("queue.list", limit=500)  # the connection of a management thread is there
        page = _timed(lambda: site.call("queue.list", limit=500), runs)
        filtered = _timed(lambda: site.call("queue.list", domain="d0.test", limit=500), runs)
        answer = site.call("queue.list", domain="d0.test", limit=500)
        assert len(answer["rows"]) == 500
        assert {row["domain"] for row in answer["rows"]} == {"d0.test"}
    return [
        Row("first page of a queue of 1,000,000 (peer: 30,000)", "ms", page, peer, under=100),
        Row("the same, filtered by destination", "ms", filtered, peer, under=300),
    ]


def _postfix(folder: Path, runs: int) -> list[float]:
    extra = "defer_transports = smtp\n"
    with Postfix(folder, relayhost="[127.0.0.1]:1", extra=extra) as postfix:
        smtp_source(postfix.port, "bob@remote.test", messages=_PEER_ENTRIES, sessions=20)
        until(lambda: postfix.deferred() == _PEER_ENTRIES, within=120, every=0.2)
        times = _timed(postfix.postqueue, runs)
        assert postfix.postqueue().count(b"\n") == _PEER_ENTRIES
    return times


def _timed(work: Callable[[], object], runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return times


def _fill(data: Path) -> None:
    """Deferred entries, through the store's own door, 1,000 messages a transaction."""
    store = Store.open(data)
    try:
        for start in range(0, _ENTRIES, 1_000 * _EACH):
            store.write(lambda transaction, start=start: _accept(transaction, start, 1_000))  # type: ignore[misc]
        store.write(_defer)
    finally:
        store.close()


def _accept(transaction: Transaction, start: int, number: int) -> None:
    for first in range(start, start + number * _EACH, _EACH):
        message = Message(ids.new(), f"sender{first}@client.test", _BODY)
        domains = [f"d{0 if count % 3 == 0 else count % _DOMAINS}.test" for count in range(first, first + _EACH)]
        messages.accept(transaction, message, remote=[Remote(f"bob@{domain}", domain) for domain in domains])


def _defer(transaction: Transaction) -> None:
    due = transaction.now + 86_400  # nobody is to try them now
    transaction.execute(
        "UPDATE queue SET state = 'deferred', attempts = 3, due = ? + id % 3600, error = ?",
        (due, "451 4.4.1 connection timed out"),
    )
    transaction.execute("UPDATE destinations SET deferred = total, due = ?", (due,))
