"""Mail that fits a rule waits; nothing else does."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import ids
from backend.errors import BadInput
from backend.store import messages, queue, wildcards
from backend.store.bodies import Body
from backend.store.database import Store
from backend.store.messages import Message, Remote
from tests.backend.management.conftest import Act, Enqueue


def states(act: Act) -> dict[str, str]:
    return {row["recipient"]: row["state"] for row in act("queue.list")["rows"]}


def put(store: Store, sender: str, recipient: str, peer: str | None = None) -> str:
    """The state of an entry of this mail, as it comes into the queue."""
    message = Message(ids.new(), sender, Body(1, data=b"x"), peer=peer)
    to = Remote(recipient, recipient.rpartition("@")[2])
    store.write(lambda transaction: messages.accept(transaction, message, remote=[to]))
    [entry] = store.read(lambda reader: queue.entries(reader, [ids.text(message.id)]))
    return entry.state


def test_one_recipient_is_held_the_other_is_not(act: Act, store: Store, enqueue: Enqueue) -> None:
    rule = act("rule.add", recipient="*@held.test", reason="a test")
    name = enqueue("a@held.test", "b@other.test")
    assert states(act) == {"a@held.test": "held", "b@other.test": "new"}
    assert act("status")["queue"]["held"] == 1
    [row] = act("rule.list")["rows"]
    assert (row["id"], row["hits"], row["owner"]) == (rule["id"], 1, "tester")
    [step] = [step for step in act("trace.show", id=name)["steps"] if step["verdict"] == "held"]
    assert "rule 1" in step["sentence"]
    leased = store.write(lambda transaction: queue.lease(transaction, "one", 10, 10))
    assert [entry.recipient for entry in leased] == ["b@other.test"]


def test_what_is_released_is_not_held_again(act: Act, store: Store, enqueue: Enqueue) -> None:
    act("rule.add", sender="alice@*", reason="a test")
    enqueue("a@remote.test")
    act("queue.release", all=True)
    assert [entry.recipient for entry in store.write(lambda t: queue.lease(t, "one", 10, 10))] == ["a@remote.test"]


@pytest.mark.parametrize(
    ("rule", "sender", "peer", "held"),
    [
        ({"sender": "*@Spam.test"}, "X@spam.TEST", None, True),
        ({"sender": "*@spam.test"}, "x@spam.test.org", None, False),
        ({"sender": "*.test"}, "x@any.test", None, True),
        ({"sender": "<>"}, "", None, True),
        ({"sender": "<>"}, "x@y.test", None, False),
        ({"peer": "192.0.2.7"}, "x@y.test", "192.0.2.7", True),
        ({"peer": "192.0.2.0/24"}, "x@y.test", "192.0.2.200", True),
        ({"peer": "192.0.0.0/16"}, "x@y.test", "192.0.2.200", True),
        ({"peer": "192.0.3.0/24"}, "x@y.test", "192.0.2.200", False),
        ({"peer": "2001:db8::/64"}, "x@y.test", "2001:db8::1", True),
        ({"peer": "2001:db8::/64"}, "x@y.test", "192.0.2.1", False),
        ({"peer": "192.0.2.7"}, "x@y.test", None, False),
        ({"sender": "*@spam.test", "peer": "192.0.2.7"}, "x@spam.test", "192.0.2.8", False),
        ({"sender": "*@spam.test", "recipient": "*@other.test"}, "x@spam.test", None, False),
    ],
)
def test_what_fits(act: Act, store: Store, rule: dict[str, str], sender: str, peer: str | None, held: bool) -> None:
    act("rule.add", reason="a test", **rule)
    assert (put(store, sender, "a@remote.test", peer) == "held") is held


def test_a_rule_ends(act: Act, store: Store) -> None:
    act("rule.add", sender="*", reason="a test", lasts=60)
    assert put(store, "x@y.test", "a@remote.test") == "held"
    store.write(lambda t: t.execute("UPDATE hold_rules SET until = ?", (time.time() - 1,)))
    assert put(store, "x@y.test", "a@remote.test") == "new"


def test_a_deleted_rule_holds_nothing_and_comes_back(act: Act, store: Store) -> None:
    rule = act("rule.add", sender="*", reason="a test")
    gone = act("rule.delete", id=rule["id"])
    assert put(store, "x@y.test", "a@remote.test") == "new"
    act("undo", id=gone["undo"])
    assert put(store, "x@y.test", "a@remote.test") == "held"
    with pytest.raises(BadInput, match="There is no hold rule 77"):
        act("rule.delete", id=77)


def test_no_rule_has_the_number_of_one_that_was_deleted(act: Act, store: Store) -> None:
    for _ in range(2):
        gone = act("rule.delete", id=act("rule.add", sender="a@x.test", reason="a test")["id"])
    new = act("rule.add", sender="b@x.test", reason="a test")
    assert new["id"] == 3
    act("undo", id=gone["undo"])
    assert [row["id"] for row in act("rule.list")["rows"]] == [2, 3]


def test_a_store_that_has_rules_and_has_not_counted_them_yet(act: Act, store: Store) -> None:
    act("rule.add", sender="a@x.test", reason="a test")
    store.write(lambda t: t.execute("DELETE FROM numbers WHERE name = 'hold_rules'"))
    assert act("rule.add", sender="b@x.test", reason="a test")["id"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"sender": ""},
        {"sender": "x" * 321},
        {"peer": "here"},
        {"peer": "192.0.2.0/99"},
        {"peer": "192.0.2.7", "lasts": 2**52},
    ],
)
def test_a_rule_about_nothing_is_refused(act: Act, wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        act("rule.add", reason="a test", **wrong)
    with pytest.raises(BadInput):
        act("rule.add", reason=" ", sender="a@b.test")
    assert act("rule.list")["rows"] == []


@given(st.text("ab*", max_size=12), st.text("ab", max_size=12))
def test_patterns(pattern: str, text: str) -> None:
    assert wildcards.fits(pattern, text) == fnmatch.fnmatchcase(text, pattern)


def test_a_pattern_cannot_be_made_slow() -> None:
    start = time.process_time()
    assert not wildcards.fits("*a" * 160 + "b", "a" * 10_000)
    assert time.process_time() - start < 1
