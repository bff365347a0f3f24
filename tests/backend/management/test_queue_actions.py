"""The queue's actions on a real store."""

from __future__ import annotations

import pytest

from backend.errors import BadInput
from backend.management.actions import queue as queue_actions
from tests.backend.management.conftest import Act, Enqueue


def test_a_page_says_what_there_is(act: Act, enqueue: Enqueue) -> None:
    one = enqueue("a@remote.test", "b@elsewhere.test")
    page = act("queue.list")
    assert (page["total"], page["offset"], len(page["rows"])) == (2, 0, 2)
    assert set(page["rows"][0]) == {
        "id", "message", "sender", "recipient", "domain", "state", "size", "received", "due", "attempts", "error",
    }  # fmt: skip
    assert [row["id"] for row in page["rows"]] == [f"{one}-1", f"{one}-2"]
    assert page["rows"][0]["state"] == "new"
    assert [row["id"] for row in act("queue.list", sort="-age", limit=1, offset=1)["rows"]] == [f"{one}-1"]


def test_filters(act: Act, enqueue: Enqueue) -> None:
    enqueue("a@remote.test", "b@elsewhere.test")
    enqueue("c@remote.test", sender="bob@example.org")
    assert act("queue.list", domain="REMOTE.test")["total"] == 2
    assert act("queue.list", sender="bob@*")["total"] == 1
    assert act("queue.list", recipient="b@elsewhere.test", sender="alice@example.org")["total"] == 1
    assert act("queue.list", newer_than="1h")["total"] == 3
    assert act("queue.list", older_than="1h")["total"] == 0
    assert act("queue.list", domain="%")["total"] == 0, "only * stands for anything"


def test_hold_release_and_delete_answer_what_they_did(act: Act, enqueue: Enqueue) -> None:
    one = enqueue("a@remote.test", "b@elsewhere.test")
    other = enqueue("c@remote.test")
    assert act("queue.hold", ids=[f"{one}-2"]) == {
        "affected": 1,
        "ids": [f"{one}-2"],
        "missed": 0,
        "next": None,
        "undo": None,
    }
    assert act("queue.list", state="held")["rows"][0]["due"] is None
    assert act("queue.hold", domain="elsewhere.test")["missed"] == 1, "held already"
    assert act("queue.retry", ids=[one])["ids"] == [f"{one}-1"], "retry leaves held ones held"
    assert act("queue.release", all=True)["ids"] == [f"{one}-2"]
    assert act("queue.delete", ids=[one, other])["affected"] == 3
    assert act("queue.list")["total"] == 0
    with pytest.raises(BadInput):
        act("queue.delete", ids=[one])


def test_an_id_given_twice_counts_once(act: Act, enqueue: Enqueue) -> None:
    one = enqueue("a@remote.test")
    assert act("queue.hold", ids=[one, f"{one}-1"])["affected"] == 1


def test_much_is_done_in_pieces(act: Act, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_actions, "_PIECE", 2)
    enqueue(*(f"{number}@remote.test" for number in range(5)))
    first = act("queue.hold", domain="remote.test")
    assert (first["affected"], first["next"] is None) == (2, False)
    second = act("queue.hold", domain="remote.test", after=first["next"])
    third = act("queue.hold", domain="remote.test", after=second["next"])
    assert (second["affected"], third["affected"], third["next"]) == (2, 1, None)
    assert act("queue.list", state="held")["total"] == 5


def test_show_has_envelope_entries_and_story(act: Act, enqueue: Enqueue) -> None:
    one = enqueue("a@remote.test", "b@elsewhere.test")
    act("queue.hold", ids=[f"{one}-1"])
    whole, single = act("queue.show", id=one), act("queue.show", id=f"{one}-2".lower())
    assert (whole["message_id"], len(whole["recipients"])) == ("<one@example.org>", 2)
    assert (single["id"], len(single["recipients"])) == (f"{one}-2", 2)
    assert [event["verdict"] for event in whole["events"]] == ["accepted", "held"]


def test_trace_finds_by_everything(act: Act, enqueue: Enqueue) -> None:
    one = enqueue("a@remote.test")
    act("queue.hold", ids=[one])
    for subject in (one, f"{one}-1", "<one@example.org>", "one@example.org", "alice@example.org", "a@remote.test"):
        assert [row["id"] for row in act("trace.find", subject=subject)["rows"]] == [one], subject
    assert act("trace.find", subject="' OR 1=1 --")["rows"] == []
