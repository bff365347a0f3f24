"""Alerts as a postmaster finds them, and what stops who sends viruses; all of it can be taken back."""

from __future__ import annotations

import dataclasses
import ipaddress
import time
from functools import partial
from typing import Any

import pytest

from backend import ids
from backend.config import Settings
from backend.errors import BadInput, Denied
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER
from backend.store import alerts, messages, queue
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Message, Remote
from backend.store.queue import Filter
from tests.backend.management.conftest import Act

BOB, HOST, STRANGER = "bob@example.org", "192.0.2.7", "198.51.100.9"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """192.0.2.0/24 is of ours."""
    relay = dataclasses.replace(settings.relay, networks=(ipaddress.ip_network("192.0.2.0/24"),))
    return dataclasses.replace(settings, relay=relay)


def found(store: Store, kind: str, subject: str, **more: Any) -> int:
    """An alert; its number."""
    return store.write(lambda t: alerts.note(t, kind, subject, "yara: infected: x", hours=24, **more)[0].id)


def wait(store: Store, to: str, *, account: str | None = None, peer: str | None = None) -> str:
    """An entry of the queue; its id."""
    message = Message(ids.new(), account or "x@y.test", Body(4, data=b"x" * 4), account=account, peer=peer)
    remote = [Remote(to, to.rpartition("@")[2])]
    store.write(lambda transaction: messages.accept(transaction, message, remote=remote))
    return f"{ids.text(message.id)}-1"


def held(store: Store) -> dict[str, str]:
    return {entry.recipient: entry.state for entry in store.read(lambda reader: queue.find(reader, Filter()))}


def test_what_needs_somebody_comes_first(act: Act, store: Store) -> None:
    act("user.add", address=BOB, password="long enough")
    found(store, "outgoing", BOB, account=BOB, peer=STRANGER)
    found(store, "engine", "clamd")
    found(store, "incoming", "Eicar", peer=STRANGER, disagree=True)
    page = act("virus.list", sort="need")
    assert [(row["kind"], row["state"]) for row in page["rows"]] == [
        ("outgoing", "open"),
        ("engine", "open"),
        ("incoming", "kept out"),
    ]
    assert (page["total"], page["infected"], page["disagreed"]) == (3, 1, 1)
    assert [row["kind"] for row in act("virus.list")["rows"]] == ["incoming", "engine", "outgoing"]
    assert [row["subject"] for row in act("virus.list", disagreed=True)["rows"]] == ["Eicar"]
    assert [row["subject"] for row in act("virus.list", state="open", kind="engine")["rows"]] == ["clamd"]
    assert act("virus.list", part="clamd", limit=1)["total"] == 1
    for wrong in ({"sort": "x"}, {"state": "x"}, {"limit": 0}):
        with pytest.raises(BadInput):
            act("virus.list", **wrong)


def test_an_engine_is_news_for_a_while(store: Store) -> None:
    number = found(store, "engine", "clamd")
    for later, state in ((1, "open"), (alerts.NEWS + 1, "over")):
        when = time.time() + later
        assert store.read(partial(alerts.get, identity=number, now=when)).state == state


def test_an_outbreak_has_its_last_hosts_stories_and_verdicts(act: Act, store: Store) -> None:
    for number in range(alerts.PARTS + 5):
        parts = [("address", f"192.0.2.{number}"), ("verdict", "yara: infected: x"), ("story", f"S{number}")]
        identity = found(store, "incoming", "Eicar", peer=f"192.0.2.{number}", parts=parts)
    view = act("virus.show", id=identity)
    assert view["alert"]["count"] == alerts.PARTS + 5
    assert view["alert"]["peer"] == f"192.0.2.{alerts.PARTS + 4}"
    hosts = [row["value"] for row in view["rows"] if row["kind"] == "address"]
    assert len(hosts) == view["most"] == alerts.PARTS
    assert "192.0.2.4" not in hosts
    assert [row["count"] for row in view["rows"] if row["kind"] == "verdict"] == [alerts.PARTS + 5]
    with pytest.raises(BadInput, match="no alert 99"):
        act("virus.show", id=99)
    store.write(lambda transaction: alerts.forget(transaction, time.time() + 1))
    assert store.read(lambda reader: alerts.parts(reader, identity)) == []


def test_seen_to_until_it_happens_again(act: Act, store: Store) -> None:
    number = found(store, "outgoing", HOST, peer=HOST)
    made = act("virus.done", ids=[str(number)])
    assert act("virus.show", id=number)["alert"]["state"] == "done"
    act("undo", id=made["undo"])
    assert act("virus.show", id=number)["alert"]["state"] == "open"
    act("virus.done", ids=[str(number)])
    assert found(store, "outgoing", HOST, peer=HOST) == number
    assert act("virus.show", id=number)["alert"]["state"] == "open"
    for wrong in ([], ["x"], ["99"]):
        with pytest.raises(BadInput):
            act("virus.done", ids=wrong)


def test_an_account_is_suspended_its_mail_waits_and_all_of_it_can_be_taken_back(act: Act, store: Store) -> None:
    act("user.add", address=BOB, password="long enough")
    number = found(store, "outgoing", BOB, account=BOB, peer=STRANGER)
    assert act("virus.show", id=number)["alert"]["suspects"] == [BOB]  # a hotel is no host of ours
    wait(store, "a@remote.test", account=BOB)
    wait(store, "b@remote.test", account="alice@example.org")
    before = wait(store, "c@remote.test", account=BOB)
    act("queue.hold", ids=[before], why="by hand")
    with pytest.raises(BadInput, match="needs a reason"):
        act("virus.contain", what=[BOB])
    answer = act("virus.contain", what=[BOB], why="sends viruses")
    assert (answer["what"], answer["held"], answer["passing"], answer["until"]) == ([BOB], 1, 0, None)
    assert act("user.show", address=BOB)["account"]["state"] == "suspended"
    assert held(store) == {"a@remote.test": "held", "b@remote.test": "new", "c@remote.test": "held"}
    assert act("virus.show", id=number)["alert"]["state"] == "contained"
    assert f"{BOB} sent infected mail" in str(act("problems"))
    record = next(row for row in act("audit-log.list")["rows"] if row["action"] == "virus.contain")
    assert record["why"] == "sends viruses"
    again = act("virus.contain", what=[BOB], why="once more")
    assert again["held"] == 0
    act("undo", id=answer["undo"])
    assert act("user.show", address=BOB)["account"]["state"] == "active"
    assert held(store) == {"a@remote.test": "new", "b@remote.test": "new", "c@remote.test": "held"}
    assert act("virus.show", id=number)["alert"]["state"] == "open"


def test_what_somebody_has_changed_since_stays(act: Act, store: Store) -> None:
    act("user.add", address=BOB, password="long enough")
    entry = wait(store, "a@remote.test", account=BOB)
    undo = act("virus.contain", what=[BOB, HOST], why="sends viruses")["undo"]
    act("user.enable", address=BOB)
    act("queue.delete", ids=[entry])
    rule = act("access.list")["rows"][0]["id"]
    act("access.delete", ids=[str(rule)])
    act("undo", id=undo)
    assert act("user.show", address=BOB)["account"]["state"] == "active"
    assert held(store) == {}


def test_a_host_of_ours_gets_a_rule_with_an_end(act: Act, store: Store) -> None:
    number = found(store, "outgoing", HOST, peer=HOST)
    assert act("virus.show", id=number)["alert"]["suspects"] == [HOST]
    wait(store, "a@remote.test", peer=HOST)
    answer = act("virus.contain", what=[f"::ffff:{HOST}"], why="sends viruses", lasts=3_600)
    assert (answer["what"], answer["held"]) == ([HOST], 1)
    (rule,) = act("access.list")["rows"]
    assert (rule["verdict"], rule["kind"], rule["what"]) == ("deny", "address", HOST)
    assert (rule["reason"], rule["owner"], rule["until"]) == ("sends viruses", "tester", answer["until"])
    decided = act("access.check", ip=HOST)
    assert (decided["verdict"], decided["rule"]) == ("deny", rule["id"])
    assert act("access.check", ip="192.0.2.8")["verdict"] == "ours"
    assert act("virus.show", id=number)["alert"]["state"] == "contained"
    act("undo", id=answer["undo"])
    assert act("access.list")["rows"] == []
    assert held(store) == {"a@remote.test": "new"}


def test_a_queue_that_is_longer_than_a_piece(act: Act, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.management.actions.viruses._PIECE", 3)
    for number in range(8):
        wait(store, f"p{number}@remote.test", peer=HOST)

    def leased(transaction: Transaction) -> None:
        queue.lease(transaction, "me", 60, 1)

    store.write(leased)
    answer = act("virus.contain", what=[HOST], why="sends viruses")
    assert (answer["held"], answer["passing"]) == (7, 1)
    act("undo", id=answer["undo"])
    assert set(held(store).values()) == {"new"}


def test_who_cannot_be_stopped(act: Act) -> None:
    for what, words in (
        ([], "Say who"),
        ([STRANGER], "no host of ours"),
        (["nobody@example.org"], "no account"),
        (["[/nope]"], "not a mail address"),
    ):
        with pytest.raises(BadInput, match=words):
            act("virus.contain", what=what, why="a test")
    for role in (HELPDESK, AUDITOR):
        with pytest.raises(Denied):
            act("virus.contain", role, what=[HOST], why="a test")
    act("virus.contain", POSTMASTER, what=[HOST], why="a test")


def test_figures_by_direction(act: Act, store: Store) -> None:
    def count(transaction: Transaction) -> None:
        for name in ("virus.in looked at", "virus.in looked at", "virus.in infected", "virus.out deferred", "spf.pass"):
            transaction.count(name)

    store.write(count)
    answer = act("virus.figures", hours=1, parts=6)
    sums = {(row["direction"], row["what"]): sum(row["numbers"]) for row in answer["series"]}
    assert sums == {("in", "looked at"): 2, ("in", "infected"): 1, ("out", "deferred"): 1}
    assert {row["check"] for row in act("authentication.figures")["series"]} == {"spf"}
    with pytest.raises(BadInput):
        act("virus.figures", hours=0)


def test_an_account_does_not_take_this_host_with_it(act: Act, store: Store, settings: Settings) -> None:
    here = dataclasses.replace(settings.relay, networks=(ipaddress.ip_network("127.0.0.0/8"),))
    object.__setattr__(settings, "relay", here)
    for peer, suspects in (("127.0.0.1", [BOB]), ("127.0.0.9", [BOB, "127.0.0.9"])):
        number = found(store, "outgoing", f"{BOB} {peer}", account=BOB, peer=peer)
        assert act("virus.show", id=number)["alert"]["suspects"] == suspects
