"""Whatever happens to messages, in whatever order: references, counts and files always add up."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from backend import ids
from backend.address import Address
from backend.store import accounts, bodies, messages, notices, queue
from backend.store.bodies import Body, Spool
from backend.store.database import Operation, Reader, Store, Transaction
from backend.store.messages import Local, Message, Remote
from backend.store.notices import Due, Notice
from backend.store.queue import HELD, Entry, Filter, Result

T = TypeVar("T")
DOMAINS = ("a.test", "b.test", "c.test")
OWNERS = ("one", "two")
OUTCOMES = st.sampled_from(["relayed", "delivered", "deferred", "deferred", "failed"])
ACTIONS = st.sampled_from([None, "failed", "delayed"])
LARGE = {word: word.encode() * 20_000 for word in ("first", "other")}  # two, so that messages share files
# table -> what it must hold, by the rows that are there: (SQL of what is kept, SQL of what is counted)
SUMS = {
    "references": (
        "SELECT id, refs FROM messages",
        "SELECT message, count(*) FROM (SELECT message FROM mail UNION ALL SELECT message FROM queue"
        " UNION ALL SELECT message FROM notices) GROUP BY message",
    ),
    "destinations": (
        "SELECT domain, total, deferred, held FROM destinations",
        "SELECT domain, count(*), sum(state = 'deferred'), sum(state = 'held') FROM queue GROUP BY domain",
    ),
    "mailboxes": (
        "SELECT id, messages, bytes, uidnext - 1 FROM mailboxes WHERE messages > 0",
        "SELECT mailbox, count(*), sum(size), max(uid) FROM mail GROUP BY mailbox",
    ),
}


def forget(due: Due, transaction: Transaction) -> None:
    """What the notifier does once its DSN is accepted."""
    messages.release(transaction, due.message, notices.remove(transaction, due.ids))


class Accounting(RuleBasedStateMachine):
    """Messages come and go by every way there is."""

    @initialize()
    def make(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="accounting"))
        Store.create(self.folder)
        self.store = Store.open(self.folder)
        self.leased: list[tuple[str, Entry]] = []
        self.orphans: set[str | None] = set()  # files of messages that were placed and then not accepted
        self.write(lambda transaction: accounts.found_site(transaction, "example.org"))
        for number in range(3):
            self.new_account(number)
            self.accept([0, number], list(DOMAINS[number:]), "first" if number else None, "s@x.test", False)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    def write(self, operation: Operation[T]) -> T:
        return self.store.write(operation)

    def rows_of(self, sql: str) -> list[tuple[Any, ...]]:
        return self.store.read(lambda reader: reader.rows(sql))

    def rows(self) -> list[int]:
        return self.store.read(lambda reader: queue.rows_of(reader, Filter()))

    def some(self, data: st.DataObject) -> list[int]:
        return data.draw(st.lists(st.sampled_from(self.rows() or [1]), max_size=4))

    # -- what happens

    @rule(
        local=st.lists(st.integers(0, 4), unique=True, max_size=3),
        remote=st.lists(st.sampled_from(DOMAINS), max_size=4),
        large=st.none() | st.sampled_from(sorted(LARGE)),
        sender=st.sampled_from(["", "s@x.test"]),
        fails=st.sampled_from([False, False, False, False, True]),
    )
    def accept(self, local: list[int], remote: list[str], large: str | None, sender: str, fails: bool) -> None:
        body = Body(5, data=b"small")
        if large:
            spool = Spool(self.folder)
            spool.write(LARGE[large])
            body = spool.finish().under(b"head")
        message = Message(ids.new(), sender, body)
        boxes = [Local(number, f"u{number}@example.org", "x@example.org") for number in local]
        to = [Remote(f"p{number}@{domain}", domain) for number, domain in enumerate(remote)]
        told = [Notice("x@example.org", "delivered", "2.1.5")] if len(local) > 2 else []

        def operation(transaction: Transaction) -> None:
            messages.accept(transaction, message, boxes, to, told)
            if fails or not (boxes or to or told):
                raise RuntimeError("undo")

        try:
            self.write(operation)
        except Exception as error:
            assert fails or not (boxes or to or told), error  # noqa: PT017
            self.orphans.add(body.digest)

    @rule(name=st.integers(0, 4))
    def new_account(self, name: int) -> None:
        address = Address(f"u{name}", "example.org")
        if self.store.read(lambda reader: accounts.account(reader, address.key)) is None:
            self.write(lambda transaction: accounts.add_account(transaction, address, None))
        else:
            self.write(lambda transaction: accounts.delete_account(transaction, address.key, "example.org"))

    @rule(owner=st.sampled_from(OWNERS), seconds=st.sampled_from([0, 1_000]), most=st.integers(1, 5))
    def lease(self, owner: str, seconds: float, most: int) -> None:
        taken = self.write(lambda transaction: queue.lease(transaction, owner, seconds, most, exclude=DOMAINS[2:]))
        assert len(taken) <= most
        self.leased += [(owner, entry) for entry in taken]

    @rule(data=st.data(), outcome=OUTCOMES, action=ACTIONS, due=st.sampled_from([1.0, 1.0, 2e9]))
    def finish(self, data: st.DataObject, outcome: str, action: str | None, due: float) -> None:
        if self.leased:
            owner, entry = data.draw(st.sampled_from(self.leased))
            self.finished(owner, entry, outcome, action, due)

    @rule(owner=st.sampled_from(OWNERS), outcome=OUTCOMES, action=ACTIONS)
    def run(self, owner: str, outcome: str, action: str | None) -> None:
        for entry in self.write(lambda transaction: queue.lease(transaction, owner, 1_000, 5)):
            self.finished(owner, entry, outcome, action, 1.0)

    def finished(self, owner: str, entry: Entry, outcome: str, action: str | None, due: float) -> None:
        told = Notice(entry.recipient, action, "5.0.0") if action else None
        result = Result(entry, outcome, reply="words", due=due, notice=told)
        self.write(lambda transaction: queue.finish(transaction, owner, [result]))

    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        if self.leased:
            owner, entry = data.draw(st.sampled_from(self.leased))
            self.write(lambda transaction: queue.give_back(transaction, owner, [entry.row]))

    @rule(data=st.data(), steer=st.sampled_from([queue.hold, queue.release, queue.retry]))
    def steer(self, data: st.DataObject, steer: Callable[[Transaction, list[int]], list[int]]) -> None:
        rows = self.some(data)
        changed: list[int] = self.write(lambda transaction: steer(transaction, rows))
        assert set(changed) <= set(rows)

    @rule(data=st.data(), notice=st.none() | st.just("Gone."))
    def delete(self, data: st.DataObject, notice: str | None) -> None:
        rows = self.some(data)
        gone = self.write(lambda transaction: queue.delete(transaction, rows, notice))
        assert set(gone).isdisjoint(self.rows())

    @rule()
    def tell(self) -> None:
        for due in self.store.read(notices.due):
            self.write(partial(forget, due))

    @rule()
    def sweep(self) -> None:
        self.write(lambda transaction: bodies.sweep(transaction, -1.0))
        self.orphans.clear()

    # -- what always holds

    @invariant()
    def adds_up(self) -> None:
        if not hasattr(self, "store"):
            return
        for name, (kept, counted) in SUMS.items():
            assert sorted(self.rows_of(kept)) == sorted(self.rows_of(counted)), name

    @invariant()
    def a_destination_is_never_due_too_late(self) -> None:
        if hasattr(self, "store"):
            late = (
                "SELECT domain FROM destinations d WHERE due > (SELECT min(due) FROM queue q WHERE q.domain = d.domain)"
            )
            assert self.rows_of(late) == []

    @invariant()
    def files_are_those_that_messages_name(self) -> None:
        if hasattr(self, "store"):
            named = {digest for (digest,) in self.rows_of("SELECT digest FROM messages")}
            kept = {path.name for path in self.folder.glob("bodies/*/*")}
            assert named - {None} <= kept <= named | self.orphans
            assert list(self.folder.glob("spool/*")) == []

    @invariant()
    def figures_agree(self) -> None:
        if not hasattr(self, "store"):
            return

        def look(reader: Reader) -> tuple[dict[str, int], dict[str, int]]:
            states = ("new", "active", "deferred", "held")
            totals = queue.totals(reader)
            found = {state: queue.number(reader, Filter(state=state)) for state in states}
            return totals, {**found, "total": len(queue.find(reader, Filter()))}

        totals, found = self.store.read(look)
        assert totals == found
        held = self.store.read(lambda reader: queue.find(reader, Filter(state="held")))
        assert all(entry.due == HELD and entry.lease is None for entry in held)


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
