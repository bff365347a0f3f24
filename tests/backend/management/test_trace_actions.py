"""Where is my mail? Asked as the helpdesk asks it."""

from __future__ import annotations

import json
import time

import pytest

from backend import ids
from backend.errors import BadInput
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER
from backend.store import messages, queue, trace
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Local, Message
from backend.store.queue import Result
from tests.backend.management.conftest import Act, Enqueue

MTA = "mx.remote.test[192.0.2.9]:25"


def finish(store: Store, identity: str, outcome: str, status: str, due: float = 0.0) -> None:
    """One try of one entry."""
    store.write(lambda transaction: queue.lease(transaction, "tester", 60, 10))
    [entry] = store.read(lambda reader: queue.entries(reader, [identity]))
    result = Result(entry, outcome, status, f"{status} said", MTA, due=due)
    store.write(lambda transaction: queue.finish(transaction, "tester", [result]))
    others = [one.row for one in store.read(lambda reader: queue.entries(reader, [identity.partition("-")[0]]))]
    store.write(lambda transaction: queue.give_back(transaction, "tester", others))


def test_the_life_of_a_message_in_sentences(act: Act, enqueue: Enqueue, store: Store) -> None:
    one = enqueue("bob@remote.test")
    [row] = act("trace.find", subject="bob@remote.test")["rows"]
    assert (row["verdict"], row["sender"], row["recipients"]) == ("waiting", "alice@example.org", ["bob@remote.test"])
    assert row["sentence"] == "Waiting: the message to bob@remote.test has not been tried yet; it is tried again now."
    finish(store, f"{one}-1", "deferred", "4.4.1", time.time() + 600)
    [row] = act("trace.find", subject="bob@remote.test")["rows"]
    assert row["verdict"] == "waiting"
    assert row["sentence"].startswith("Waiting: mx.remote.test did not answer; the next try is ")
    act("queue.hold", ids=[one])
    assert act("trace.show", id=one)["verdict"] == "held"
    act("queue.retry", ids=[one])
    act("queue.release", ids=[one])
    act("queue.retry", ids=[one])
    finish(store, f"{one}-1", "relayed", "2.0.0")
    story = act("trace.show", id=f"{one}-1")
    assert (story["verdict"], story["number"]) == ("relayed", 1)
    assert [step["sentence"] for step in story["steps"]] == [
        "Accepted from alice@example.org.",
        "Not yet: mx.remote.test did not answer; it was to be tried again.",
        "Held: the message to bob@remote.test stays here until it is released.",
        "Released: the message to bob@remote.test may go on.",
        "Sent for again by hand: the message to bob@remote.test is tried at once.",
        "Passed on: mx.remote.test has taken the message for bob@remote.test;"
        " where it goes from there, only that side can say.",
    ]
    assert story["steps"][-1]["facts"]["mta"] == MTA


def test_of_many_recipients_how_many_fared_how(act: Act, enqueue: Enqueue, store: Store) -> None:
    one = enqueue("a@remote.test", "b@remote.test", "c@elsewhere.test", "d@elsewhere.test")
    finish(store, f"{one}-1", "relayed", "2.0.0")
    finish(store, f"{one}-2", "failed", "5.1.1")
    act("queue.hold", ids=[f"{one}-3"])
    [row] = act("trace.find", subject=one)["rows"]
    assert (row["verdict"], row["number"], len(row["recipients"])) == ("bounced", 4, 3)
    assert row["sentence"] == (
        "4 recipients: 1 not delivered, 1 held, 1 waiting, 1 passed on. For b@remote.test: Not delivered:"
        " there is no such address there; the sender must check the spelling."
    )


def test_refused_recipients_and_nothing_that_was_ever_secret(act: Act, store: Store) -> None:
    session = ids.text(ids.new())

    def refuse(transaction: Transaction) -> None:
        for name in ("no", "neither"):
            trace.add(
                transaction, "rcpt", "rejected", session=session, peer="192.0.2.1", sender="eve@client.test",
                recipient=f"{name}@example.org",
                detail={"check": "recipient", "reason": "unknown user", "reply": "550 5.1.1 There is no such user"},
            )  # fmt: skip
        body = Body(30, data=b"Subject: a secret\r\n\r\na secret\r\n")
        message = Message(ids.new(), "eve@client.test", body, peer="192.0.2.1", session=session)
        messages.accept(transaction, message, [Local(1, "postmaster@example.org", "postmaster@example.org")])

    store.write(refuse)
    delivered, refused = act("trace.find", subject="192.0.2.1")["rows"]
    assert (refused["id"], refused["verdict"], refused["number"]) == (session, "refused", 2)
    assert refused["sentence"].startswith("2 recipients: all refused. Refused: there is no address no")
    assert delivered["sentence"] == "Delivered to postmaster@example.org's mailbox (INBOX)."
    story = act("trace.show", id=delivered["id"])
    assert [step["verdict"] for step in story["steps"]] == ["rejected", "rejected", "accepted", "delivered"]
    assert story["verdict"] == "delivered"
    assert "secret" not in json.dumps([delivered, refused, story])


def test_pages_follow_each_other(act: Act, enqueue: Enqueue) -> None:
    made = [enqueue("a@remote.test") for _ in range(5)]
    found = [act("trace.find", subject="a@remote.test", limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [row["id"] for page in found for row in page["rows"]] == made[::-1]
    assert {page["total"] for page in found} == {5}
    assert not any(page["more"] for page in found)
    assert [row["id"] for row in act("trace.find", subject="a@remote.test", sort="time")["rows"]] == made


def test_times_in_words(act: Act, enqueue: Enqueue) -> None:
    enqueue("a@remote.test")
    for since in ("2h", "1s", "2020-01-01", "2020-01-01T12:00", "2020-01-01T12:00:00+01:00"):
        assert act("trace.find", since=since)["total"] == 1, since
        assert act("trace.find", subject="a@remote.test", since=since)["total"] == 1, since
    assert act("trace.find", until="2020-01-01")["total"] == 0
    assert act("trace.find", subject="a@remote.test", since="2099-01-01")["total"] == 0


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("trace.find", {"since": "yesterday"}, "write 2h for two hours ago"),
        ("trace.find", {"since": "1h", "until": "2h"}, "nothing can lie between"),
        ("trace.find", {"subject": "x" * 1_001}, "too long"),
        ("trace.find", {"limit": 1_001}, "1 to 1000"),
        ("trace.find", {"sort": "size"}, "no order"),
        ("trace.find", {"offset": -1}, "not below 0"),
        ("trace.show", {"id": "alice@example.org"}, "Nothing is known"),
        ("trace.show", {"id": "0CNF3QTBT041Z"}, "Nothing is known"),
        ("trace.show", {"id": "-" * 5_000}, "Nothing is known"),
    ],
)
def test_wrong_questions_get_a_sentence(act: Act, name: str, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        act(name, **arguments)


@pytest.mark.parametrize("role", [POSTMASTER, HELPDESK, AUDITOR])
def test_everybody_may_ask(act: Act, enqueue: Enqueue, role: str) -> None:
    one = enqueue("a@remote.test")
    assert act("trace.find", role, subject="a@")["total"] == 1
    assert act("trace.show", role, id=one)["id"] == one
