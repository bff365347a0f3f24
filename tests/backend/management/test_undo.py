"""What was deleted comes back as it was, or is gone for good when its time is over."""

from __future__ import annotations

import time
from typing import Any

import pytest

from backend.errors import BadInput, Denied
from backend.management.roles import POSTMASTER
from backend.store import deletions
from backend.store.database import Store
from tests.backend.management.conftest import Act, Enqueue

TABLES = ("accounts", "aliases", "app_passwords", "vacations", "queue", "destinations", "messages", "mail", "mailboxes")


def state(store: Store) -> dict[str, list[Any]]:
    """All that a deletion touches."""
    return {table: sorted(store.read(lambda r, t=table: r.rows(f"SELECT * FROM {t}")), key=repr) for table in TABLES}  # type: ignore[misc]


def over(store: Store) -> None:
    """The time of every deletion is over, and housekeeping has been."""
    store.write(lambda transaction: transaction.execute("UPDATE deletions SET until = 1"))
    while store.write(deletions.purge):
        pass


def test_entries_of_the_queue(act: Act, store: Store, enqueue: Enqueue) -> None:
    enqueue("a@remote.test", "b@remote.test", "c@other.test")
    act("queue.hold", domain="remote.test")
    before = state(store)
    undo = act("queue.delete", domain="remote.test")["undo"]
    assert act("queue.list")["total"] == 1
    assert [row["id"] for row in act("deletions")["rows"]] == [undo]
    assert act("undo", id=undo)["rows"] == 2
    assert state(store) == before
    with pytest.raises(BadInput, match="already"):
        act("undo", id=undo)
    assert act("deletions")["rows"] == []


def test_deletions_are_found_by_what_who_and_how(act: Act, enqueue: Enqueue) -> None:
    enqueue("a@remote.test")
    act("queue.delete", all=True)
    act("user.add", address="alice@example.org", password="long enough")
    act("user.delete", address="alice@example.org")

    def found(**filters: str) -> list[str]:
        page = act("deletions", **filters)
        assert page["total"] == len(page["rows"])
        return [row["action"] for row in page["rows"]]

    assert found() == ["user.delete", "queue.delete"]
    assert found(part="alice@") == found(what="user") == ["user.delete"]
    assert found(what="queue.delete") == found(part="remote.test") == ["queue.delete"]
    assert found(what="que") == found(user="somebody") == found(part="%") == []
    assert found(user="tester", part="1 queue entry, for a@") == ["queue.delete"]


def test_a_message_that_somebody_is_to_be_told_of_stays_until_then(act: Act, store: Store, enqueue: Enqueue) -> None:
    enqueue("a@remote.test", "b@remote.test")
    act("queue.delete", all=True, notice="gone")
    assert store.read(lambda reader: reader.value("SELECT refs FROM messages")) == 4
    over(store)
    assert store.read(lambda reader: reader.value("SELECT refs FROM messages")) == 2


def test_a_message_without_notices_goes(act: Act, store: Store, enqueue: Enqueue) -> None:
    enqueue("a@remote.test", "b@remote.test")
    act("queue.delete", all=True)
    over(store)
    assert state(store)["messages"] == []


def test_pieces_are_one_deletion(act: Act, store: Store, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.management.actions import queue

    for number in range(5):
        enqueue(f"u{number}@remote.test")
    act("queue.hold", all=True)
    monkeypatch.setattr(queue, "_PIECE", 2)
    before = state(store)
    answer = act("queue.delete", all=True)
    undo = answer["undo"]
    while answer["next"] is not None:
        answer = act("queue.delete", all=True, after=answer["next"], undo=undo)
    assert act("queue.list")["total"] == 0
    assert len(act("deletions")["rows"]) == 1
    assert act("undo", id=undo)["rows"] == 5
    assert state(store) == before


@pytest.mark.parametrize("other", ["an account's", "somebody's", "one to come"])
def test_no_piece_joins_a_deletion_that_it_is_not_of(act: Act, store: Store, enqueue: Enqueue, other: str) -> None:
    """It would be undone with that one, by whoever may undo the first piece."""
    enqueue("a@remote.test", "b@remote.test", "c@remote.test")
    act("user.add", address="alice@example.org", password="long enough")
    undo = act("user.delete", address="alice@example.org")["undo"]
    if other == "somebody's":
        undo = act("queue.delete", recipient="a@*")["undo"]
        store.write(lambda transaction: transaction.execute("UPDATE deletions SET actor = 'somebody'"))
    elif other == "one to come":
        undo = f"U{int(undo[1:]) + 2}"
    before = act("deletions")["rows"]
    with pytest.raises(BadInput, match="not a deletion of yours"):
        act("queue.delete", recipient="b@*", undo=undo, _role=POSTMASTER)
    assert act("deletions")["rows"] == before
    assert act("queue.list", recipient="b@*")["total"] == 1


def test_an_account_with_all_that_is_its(act: Act, store: Store) -> None:
    act("user.add", address="alice@example.org", password="long enough")
    act("user.app-password-add", address="alice@example.org", name="phone")
    act("vacation.set", address="alice@example.org", text="away")
    before = state(store)
    undo = act("user.delete", address="alice@example.org")["undo"]
    assert act("user.list", part="alice")["rows"] == []
    act("undo", id=undo)
    assert state(store) == before


def test_a_place_that_is_taken(act: Act, store: Store) -> None:
    act("user.add", address="alice@example.org", password="long enough")
    undo = act("user.delete", address="alice@example.org")["undo"]
    act("user.add", address="alice@example.org", password="long enough")
    with pytest.raises(BadInput, match="again"):
        act("undo", id=undo)
    numbers = [row[0] for row in state(store)["accounts"]]
    assert len(set(numbers)) == len(numbers)
    over(store)
    assert len(state(store)["mailboxes"]) == 2  # the new one's, and the postmaster's


def test_aliases_and_domains(act: Act, store: Store) -> None:
    act("domain.add", domain="example.net")
    act("alias.add", address="a@example.net", target=["x@remote.test", "y@remote.test"])
    before = state(store)
    alias = act("alias.delete", address="a@example.net")["undo"]
    domain = act("domain.delete", domain="example.net")["undo"]
    with pytest.raises(BadInput, match="not one of our domains"):
        act("undo", id=alias)
    act("undo", id=domain)
    act("undo", id=alias)
    assert state(store) == before


def test_who_may_and_until_when(act: Act, store: Store) -> None:
    act("user.add", address="alice@example.org", password="long enough")
    undo = act("user.delete", address="alice@example.org")["undo"]
    with pytest.raises(Denied, match="sysadmin"):
        act("undo", _role=POSTMASTER, id=undo)
    store.write(lambda transaction: transaction.execute("UPDATE deletions SET until = ?", (time.time() - 1,)))
    with pytest.raises(BadInput, match="time is over"):
        act("undo", id=undo)
    for wrong in ("17", "U", "Ux", "U99", "U" + "9" * 30):
        with pytest.raises(BadInput):
            act("undo", id=wrong)


def test_a_large_mailbox_goes_in_pieces(act: Act, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend import ids
    from backend.store import accounts, messages
    from backend.store.bodies import Body
    from backend.store.messages import Local, Message

    act("user.add", address="alice@example.org", password="long enough")
    box = store.read(lambda reader: accounts._inbox(reader, "alice@example.org"))
    assert box is not None
    for _ in range(5):
        message = Message(ids.new(), "ann@client.test", Body(size=1, data=b"x"))
        local = [Local(box, "alice@example.org", "alice@example.org")]
        store.write(lambda transaction, m=message, to=local: messages.accept(transaction, m, to))  # type: ignore[misc]
    monkeypatch.setattr(deletions, "_PIECE", 2)
    act("user.delete", address="alice@example.org")
    over(store)
    found = state(store)
    assert (found["messages"], found["mail"]) == ([], [])
    assert len(found["mailboxes"]) == 1
