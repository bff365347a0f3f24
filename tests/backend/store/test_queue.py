"""The queue: who has an entry, when it comes back, and what people may do to it."""

from __future__ import annotations

import time

import pytest

from backend import ids
from backend.address import Address
from backend.store import accounts, deletions, messages, notices, queue, trace
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Local, Message, Remote
from backend.store.notices import Notice
from backend.store.queue import HELD, Entry, Filter, Result
from tests.harness.waiting import until


def accept(store: Store, *recipients: str, sender: str = "s@x.test", notify: str | None = None) -> int:
    """A message for these; its id."""
    message = Message(ids.new(), sender, Body(4, data=b"body"))
    remote = [Remote(recipient, recipient.rpartition("@")[2], notify) for recipient in recipients]
    store.write(lambda transaction: messages.accept(transaction, message, (), remote))
    return message.id


def lease(store: Store, owner: str = "one", seconds: float = 100, most: int = 10, **more: list[str]) -> list[Entry]:
    return store.write(lambda transaction: queue.lease(transaction, owner, seconds, most, **more))  # type: ignore[arg-type]


def finish(
    store: Store, owner: str, entry: Entry, outcome: str, due: float = 0.0, notice: Notice | None = None
) -> None:
    result = Result(entry, outcome, "4.0.0", "the words", due=due, notice=notice)
    store.write(lambda transaction: queue.finish(transaction, owner, [result]))


def all_of(store: Store) -> list[Entry]:
    return store.read(lambda reader: queue.find(reader, Filter()))


def test_nobody_has_what_another_has_leased(store: Store) -> None:
    accept(store, "a@a.test", "b@a.test")
    assert len(lease(store, "one")) == 2
    assert lease(store, "two") == []


def test_a_lease_that_ran_out_is_another_s(store: Store) -> None:
    accept(store, "a@a.test")
    [stale] = lease(store, "one", seconds=0)
    [entry] = lease(store, "two")
    assert entry.row == stale.row
    finish(store, "one", stale, "relayed")  # too late: it is the other's now
    assert [left.lease for left in all_of(store)] == ["two"]
    finish(store, "two", entry, "relayed")
    assert all_of(store) == []
    assert store.read(lambda reader: messages.envelope(reader, entry.message)) is None


def test_a_deferred_entry_is_due_later(store: Store) -> None:
    accept(store, "a@a.test")
    [entry] = lease(store)
    finish(store, "one", entry, "deferred", due=time.time() + 2.0)
    assert lease(store) == []
    [again] = all_of(store)
    assert (again.state, again.attempts, again.error, again.lease) == ("deferred", 1, "the words", None)
    assert [entry.attempts for entry in until(lambda: lease(store))] == [1]


def test_what_was_not_tried_is_due_at_once(store: Store) -> None:
    accept(store, "a@a.test")
    [entry] = lease(store)
    store.write(lambda transaction: queue.give_back(transaction, "two", [entry.row]))
    assert lease(store) == []
    store.write(lambda transaction: queue.give_back(transaction, "one", [entry.row]))
    assert [entry.attempts for entry in lease(store)] == [0]


def test_a_lease_is_bounded_in_all_and_for_each_domain(store: Store) -> None:
    accept(store, *(f"{number}@a.test" for number in range(5)), *(f"{number}@b.test" for number in range(5)))
    assert [entry.domain for entry in store.write(lambda t: queue.lease(t, "one", 100, 10, each=2))].count(
        "a.test"
    ) == 2
    assert {entry.domain for entry in lease(store, exclude=["a.test"])} == {"b.test"}
    assert len(lease(store, most=2)) == 2


def test_hold_and_release(store: Store) -> None:
    accept(store, "a@a.test", "b@a.test")
    rows = [entry.row for entry in all_of(store)]
    assert store.write(lambda transaction: queue.hold(transaction, [*rows[:1], 999])) == rows[:1]
    assert store.write(lambda transaction: queue.hold(transaction, rows[:1])) == []
    assert store.write(lambda transaction: queue.retry(transaction, rows[:1])) == []
    [other] = lease(store)
    assert other.row == rows[1]
    assert store.write(lambda transaction: queue.hold(transaction, rows[1:])) == []  # in somebody's hands
    assert store.write(lambda transaction: queue.delete(transaction, rows[1:])) == []
    assert all_of(store)[0].due == HELD
    assert store.write(lambda transaction: queue.release(transaction, rows)) == rows[:1]
    assert [entry.state for entry in lease(store)] == ["new"]


def test_retry_now(store: Store) -> None:
    accept(store, "a@a.test")
    [entry] = lease(store)
    finish(store, "one", entry, "deferred", due=time.time() + 1_000)
    assert store.write(lambda transaction: queue.retry(transaction, [entry.row])) == [entry.row]
    assert [entry.state for entry in lease(store)] == ["deferred"]


@pytest.mark.parametrize(("sender", "notify", "told"), [("s@x.test", None, 1), ("", None, 0), ("s@x.test", "NEVER", 0)])
def test_delete_tells_the_sender_or_nobody(store: Store, sender: str, notify: str | None, told: int) -> None:
    message = accept(store, "a@a.test", sender=sender, notify=notify)
    [entry] = all_of(store)
    assert store.write(lambda transaction: queue.delete(transaction, [entry.row], "Gone.")) == [entry.row]
    due = store.read(notices.due)
    assert [notice.reply for one in due for notice in one.notices] == ["Gone."] * told
    assert (store.read(lambda reader: messages.envelope(reader, message)) is not None) == bool(told)


def test_a_mailbox_that_is_gone_becomes_an_entry(store: Store) -> None:
    message = Message(ids.new(), "s@x.test", Body(4, data=b"body"))
    copies = [Local(1, "postmaster@example.org", "x@example.org"), Local(99, "gone@example.org", "gone@example.org")]
    store.write(lambda transaction: messages.accept(transaction, message, copies))
    assert [entry.recipient for entry in all_of(store)] == ["gone@example.org"]
    events = store.read(lambda reader: trace.of_message(reader, message.id))
    assert [(event.stage, event.verdict) for event in events] == [
        ("accept", "accepted"), ("alias", "expanded"), ("local", "delivered"),
    ]  # fmt: skip


def test_filters(store: Store) -> None:
    first = accept(store, "ann@a.test", "b_b@b.test")
    accept(store, "bob@a.test", sender="t@y.test")
    accept(store, "100%@c.test")
    [held] = store.read(lambda reader: queue.entries(reader, [f"{ids.text(first)}-2"]))
    store.write(lambda transaction: queue.hold(transaction, [held.row]))

    def found(**words: object) -> set[str]:
        where = Filter(**words)  # type: ignore[arg-type]
        rows = store.read(lambda reader: queue.find(reader, where))
        assert store.read(lambda reader: queue.number(reader, where)) == len(rows)
        assert set(store.read(lambda reader: queue.rows_of(reader, where))) == {row.row for row in rows}
        return {row.recipient for row in rows}

    everybody = {"ann@a.test", "b_b@b.test", "bob@a.test", "100%@c.test"}
    assert found() == everybody
    assert found(state="held") == {"b_b@b.test"}
    assert found(state="new") == everybody - {"b_b@b.test"}
    assert found(domain="a.test") == {"ann@a.test", "bob@a.test"}
    assert found(recipient="b*") == {"b_b@b.test", "bob@a.test"}
    assert found(recipient="b_b*") == {"b_b@b.test"}
    assert found(recipient="*%*") == {"100%@c.test"}
    assert found(recipient="bob@a.test", sender="t@y.test") == {"bob@a.test"}
    assert found(message=first) == {"ann@a.test", "b_b@b.test"}
    assert found(older_than=time.time() - 100) == set()
    assert found(newer_than=time.time() - 100) == everybody
    assert found(error="words") == set()
    assert Filter().empty
    assert not Filter(newer_than=0.0).empty


@pytest.mark.parametrize(
    "word", ["", "-", "x-1", "0000000000000-", "0000000000000-x", "0000000000000-²", "\0", "0" * 13]
)
def test_ids_that_name_nothing(store: Store, word: str) -> None:
    assert store.read(lambda reader: queue.entries(reader, [word])) == []


def test_accounts_and_their_mail_go_together(store: Store) -> None:
    account = store.write(lambda t: accounts.add_account(t, Address("alice", "example.org"), None))
    [(mailbox,)] = store.read(lambda r: r.rows("SELECT id FROM mailboxes WHERE account = ?", (account.id,)))
    message = Message(ids.new(), "", Body(4, data=b"body"))
    store.write(lambda t: messages.accept(t, message, [Local(mailbox, account.address, account.address)]))
    content = store.write(lambda t: accounts.delete_account(t, account.address, "example.org"))
    assert [row["address"] for row in content["accounts"]] == [account.address]
    assert store.read(lambda r: messages.envelope(r, message.id)) is not None

    def keep(t: Transaction) -> int:
        return deletions.keep(t, until=1.0, actor="x", action="user.delete", summary="", content=content)

    store.write(keep)
    while store.write(deletions.purge):
        pass
    assert store.read(lambda r: messages.envelope(r, message.id)) is None
