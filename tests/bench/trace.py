"""Where is my mail, among 1,000,000 events: every kind of search, and a story that is opened."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from backend import ids
from backend.store import trace
from backend.store.database import Store, Transaction
from tests.bench.load import BenchSite
from tests.bench.table import Row

_MESSAGES = 250_000
_PIECE = 5_000  # messages of one transaction
_EVERY = 2  # seconds between messages: they are spread over six days
_DETAIL = {"size": 4096, "recipients": 3, "protocol": "ESMTPS", "helo": "client.test"}
_RELAYED = {"reply": "250 2.0.0 OK", "mta": "mx.remote.test[192.0.2.9]:25", "attempt": 1, "seconds": 0.1}
_REFUSED = {"check": "recipient", "reason": "unknown user", "reply": "550 5.1.1 There is no such user here"}


def measure(folder: Path, runs: int) -> list[Row]:
    """Milliseconds of the slowest search, each kind by its median, and of opening a story."""
    with BenchSite(folder / "site") as site:
        events, message = _fill(site.data)
        assert events == 1_000_000
        site.start()
        [known] = site.call("trace.find", subject=ids.text(message))["rows"]
        subjects = {
            "nothing but a time": {},
            "a day of it": {"since": "3d", "until": "2d"},
            "an address": {"subject": "person124@client124.test"},
            "an address that is unknown": {"subject": "nobody@nowhere.test"},
            "a common part": {"subject": "@"},
            "a rare part": {"subject": "friend1234"},
            "a part that is not there": {"subject": "zzzz"},
            "a host": {"subject": known["peer"]},
            "a network": {"subject": "10.0.0.0/8"},
            "a Message-ID": {"subject": f"<{message}@client.test>"},
            "a queue id": {"subject": known["id"]},
        }
        searches = {
            name: _timed(lambda words=words: site.call("trace.find", limit=100, **words), runs)  # type: ignore[misc]
            for name, words in subjects.items()
        }
        opened = _timed(lambda: site.call("trace.show", id=known["id"]), runs)
    slowest = max(searches, key=lambda name: sorted(searches[name])[runs // 2])
    return [
        Row(f"slowest search in a trace of 1,000,000: {slowest}", "ms", searches[slowest], under=300),
        Row("a story of it opened", "ms", opened, under=300),
    ]


def _timed(work: Callable[[], object], runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return times


def _fill(data: Path) -> tuple[int, int]:
    """Four events a message; how many there are, and a message among them."""
    chance = random.Random(1)
    store = Store.open(data)
    begin = ids.new() - (_MESSAGES * _EVERY * 1000 << 21)
    try:
        for start in range(0, _MESSAGES, _PIECE):
            store.write(lambda transaction, start=start: _piece(transaction, begin, start, chance))  # type: ignore[misc]
        number: int = store.read(lambda reader: reader.value("SELECT count(*) FROM events"))
        return number, _identity(begin, _MESSAGES // 2)
    finally:
        store.close()


def _identity(begin: int, number: int) -> int:
    return begin + (number * _EVERY * 1000 << 21)


def _piece(transaction: Transaction, begin: int, start: int, chance: random.Random) -> None:
    now = transaction.now
    for number in range(start, start + _PIECE):
        transaction.now = now - (_MESSAGES - number) * _EVERY
        message = _identity(begin, number)
        session, peer = ids.text(message - 1), f"10.{number % 200}.{number % 250}.{number % 9}"
        sender = f"person{number % 20_000}@client{number % 3_000}.test"
        if number % 2:  # newsletters have a sender for each message
            sender = f"bounce-{chance.getrandbits(48):x}@news{number % 500}.example.net"
        trace.add(
            transaction, "accept", "accepted", message=message, session=session, peer=peer, sender=sender,
            message_id=f"<{message}@client.test>", detail=_DETAIL,
        )  # fmt: skip
        mailboxes = [f"user{(number * 7 + copy) % 5_000}@example.org" for copy in range(2)]
        trace.add_many(transaction, "local", "delivered", message, [(mailbox, None) for mailbox in mailboxes])
        if number % 4:
            to = f"friend{number % 40_000}@remote{number % 2_000}.test"
            trace.add_many(transaction, "remote", "relayed", message, [(to, _RELAYED)])
        else:
            to = f"nobody{number % 70_000}@example.org"
            trace.add(
                transaction, "rcpt", "rejected", session=session, peer=peer, sender=sender, recipient=to,
                detail=_REFUSED,
            )  # fmt: skip
    transaction.now = now
