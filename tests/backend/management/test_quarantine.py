"""The quarantine's actions on a real store, with the embedded engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from backend import ids
from backend.address import parse
from backend.config import Settings
from backend.errors import BadInput, Denied
from backend.limits import Limits
from backend.store import accounts, mailboxes, quarantine
from backend.store.bodies import Body
from backend.store.database import Reader, Store, Transaction
from backend.store.mailboxes import INBOX, JUNK
from backend.store.messages import Message
from backend.store.quarantine import Wanted
from tests.backend.management.conftest import Act
from tests.harness.clamd import EICAR

CLEAN = b"Subject: the minutes\r\n\r\nhello\r\n"
BAD = b"Subject: an offer\r\n\r\n" + EICAR + b"\r\n"
BOB = "bob@example.org"
Keep = Callable[..., str]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With the time that engines need."""
    return replace(settings, limits=Limits())


@pytest.fixture
def keep(store: Store) -> Keep:
    """`keep(CLEAN)`: the number of a message in quarantine."""
    store.write(lambda transaction: accounts.add_account(transaction, parse(BOB), None))

    def put(
        data: bytes = CLEAN,
        to: tuple[str, ...] = (BOB,),
        reason: str = "encrypted",
        sender: str = "ann@client.test",
        subject: str = "the minutes",
        junk: bool | None = None,
    ) -> str:
        message = Message(ids.new(), sender, Body(size=len(data), data=data), peer="192.0.2.7", junk=junk)
        wanted = [Wanted(address) for address in to]
        engines = {"yara": "clean"}

        def write(transaction: Transaction) -> str:
            quarantine.put(
                transaction, message, wanted, reason=reason, words="yara: clean", engines=engines,
                subject=subject, until=transaction.now + 86_400,
            )  # fmt: skip
            return str(transaction.value("SELECT max(id) FROM quarantine"))

        return store.write(write)

    return put


def inbox(store: Store, name: str = INBOX) -> int:
    """How many messages bob has."""

    def read(reader: Reader) -> int:
        account = accounts.account(reader, BOB)
        assert account is not None
        return sum(box.messages for box in mailboxes.mailboxes_of(reader, account.id) if box.name == name)

    return store.read(read)


def test_many_are_released_at_once_and_the_answer_says_which_were_not_and_why(
    act: Act, keep: Keep, store: Store
) -> None:
    good = [keep(), keep()]
    bad = keep(BAD, reason="infected")
    nobody = keep(to=("nobody@example.org",))
    answer = act("quarantine.release", ids=[good[0], bad, nobody, good[1], "999"])
    assert (answer["affected"], answer["recipients"], answer["ids"]) == (2, 2, good)
    why = {one["id"]: one["why"] for one in answer["left"]}
    assert set(why) == {bad, nobody, "999"}
    assert f"{bad} is infected: yara found EICAR" in why[bad]
    assert why[nobody] == f"{nobody} has no recipient who is known here any more."
    assert why["999"] == "999 is not in quarantine."
    assert inbox(store) == 2
    assert {row["id"] for row in act("quarantine.list")["rows"]} == {bad, nobody}
    (row,) = act("audit-log.list", what="quarantine.release")["rows"]
    assert [one["id"] for one in row["before"]] == [int(number) for number in good]
    assert row["after"]["released"] == good
    assert len(row["after"]["left"]) == 3


def test_one_that_stays_is_refused_with_its_reason_and_goes_anyway(act: Act, keep: Keep, store: Store) -> None:
    bad = keep(BAD, reason="infected")
    with pytest.raises(BadInput, match=f"{bad} is infected: yara found EICAR"):
        act("quarantine.release", ids=[bad])
    assert inbox(store) == 0
    assert act("quarantine.release", ids=[bad], anyway=True)["affected"] == 1
    assert inbox(store) == 1
    with pytest.raises(BadInput, match="No message in quarantine"):
        act("quarantine.release", ids=[bad], anyway=True)


def test_all_or_nothing(act: Act, keep: Keep, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure behind the first of three leaves all three where they were."""
    numbers = [keep(), keep(), keep()]
    release, done = quarantine.release, list[int]()

    def failing(*arguments: object) -> bool:
        done.append(1)
        if len(done) == 2:
            raise BadInput("the disk is full")
        return release(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(quarantine, "release", failing)
    with pytest.raises(BadInput, match="the disk is full"):
        act("quarantine.release", ids=numbers)
    assert inbox(store) == 0
    assert act("quarantine.list")["total"] == 3
    monkeypatch.undo()
    assert act("quarantine.release", ids=numbers)["affected"] == 3


def test_without_an_engine_that_must_look_nothing_goes(
    act: Act, keep: Keep, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.content.workshop import Killed, Workshop

    async def dead(*_: object) -> object:
        raise Killed("time")

    numbers = [keep(), keep()]
    monkeypatch.setattr(Workshop, "run", dead)
    answer = act("quarantine.release", ids=numbers)
    assert answer["affected"] == 0
    assert [one["why"] for one in answer["left"]] == [f"{number} cannot be scanned now: yara." for number in numbers]
    assert inbox(store) == 0


def test_what_was_not_scanned_in_time_is_left(
    act: Act, keep: Keep, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.management.actions import quarantine as actions

    numbers = [keep(), keep()]
    monkeypatch.setattr(actions, "_SECONDS", 0.0)
    answer = act("quarantine.release", ids=numbers)
    assert answer["affected"] == 0
    assert all("there was no time left" in one["why"] for one in answer["left"])


def test_a_hundred_at_once_and_not_one_more(act: Act, keep: Keep, store: Store) -> None:
    numbers = [keep() for _ in range(101)]
    with pytest.raises(BadInput, match="At most 100"):
        act("quarantine.release", ids=numbers)
    assert act("quarantine.release", ids=numbers[:100])["affected"] == 100
    assert inbox(store) == 100


def test_the_trace_has_the_whole_story(act: Act, keep: Keep) -> None:
    number = keep()
    (row,) = act("quarantine.list")["rows"]

    def story() -> tuple[str, list[str]]:
        found = act("trace.show", id=row["message"])
        return found["verdict"], [step["sentence"] for step in found["steps"]]

    assert story()[0] == "held"
    assert act("trace.show", id=row["message"])["recipients"] == [BOB]
    undo = act("quarantine.delete", ids=[number])["undo"]
    assert story()[0] == "deleted"
    act("undo", id=undo)
    assert story()[0] == "held"
    act("quarantine.release", ids=[number])
    verdict, sentences = story()
    assert verdict == "delivered"
    assert sentences == [
        "Taken into quarantine: the message holds an encrypted file, in which no engine can look for viruses.",
        "Deleted from quarantine; nobody gets it.",
        "Put back into quarantine: its deletion was undone.",
        f"Delivered to {BOB}'s mailbox (INBOX).",
        "Released from quarantine by tester.",
    ]


def test_what_its_time_is_over_for_is_gone_and_the_trace_says_so(act: Act, keep: Keep, store: Store) -> None:
    keep()
    (row,) = act("quarantine.list")["rows"]
    store.write(lambda transaction: transaction.execute('UPDATE quarantine SET "until" = 5'))
    store.write(quarantine.forget)
    found = act("trace.show", id=row["message"])
    assert found["verdict"] == "deleted"
    assert found["steps"][-1]["sentence"] == "Gone from quarantine: nobody asked for it while it was kept."
    assert store.read(lambda reader: reader.value("SELECT count(*) FROM messages")) == 0


def test_what_was_deleted_comes_back_as_it_was(act: Act, keep: Keep, store: Store) -> None:
    numbers = [keep(BAD, reason="infected", junk=False), keep(to=(BOB, "eve@example.org"))]
    before = act("quarantine.list")
    answer = act("quarantine.delete", ids=[*numbers, "999"])
    assert answer["affected"] == 2
    assert act("quarantine.list")["rows"] == []
    act("undo", id=answer["undo"])
    assert act("quarantine.list") == before
    assert act("quarantine.show", id=numbers[0])["text"].strip() == EICAR.decode()


def test_what_is_marked_as_spam_too_goes_to_junk_when_it_is_wanted(act: Act, keep: Keep, store: Store) -> None:
    act("user.junk", address=BOB, junk="on")
    act("quarantine.release", ids=[keep(junk=False), keep()])
    assert (inbox(store), inbox(store, JUNK)) == (1, 1)


def test_a_page_is_found_and_sorted(act: Act, keep: Keep) -> None:
    keep(sender="cid@client.test", to=("alice@example.org",))
    keep(BAD, reason="infected", sender="ann@client.test", subject="An offer")
    keep(CLEAN * 9, reason="refused type", sender="bea@other.test")

    def senders(**arguments: object) -> list[str]:
        return [row["sender"][:3] for row in act("quarantine.list", **arguments)["rows"]]

    assert senders() == ["bea", "ann", "cid"]
    assert senders(sort="time") == ["cid", "ann", "bea"]
    assert senders(sort="sender") == ["ann", "bea", "cid"]
    assert senders(sort="reason") == ["cid", "ann", "bea"]
    assert senders(sort="-size") == ["bea", "ann", "cid"]
    assert senders(sort="-size", limit=1, offset=1) == ["ann"]
    assert senders(reason="infected") == ["ann"]
    assert senders(sender="OTHER.test") == ["bea"]
    assert senders(recipient="alice@") == ["cid"]
    assert senders(part="an offer") == ["ann"]
    assert senders(part="192.0.2.7") == ["bea", "ann", "cid"]
    assert senders(part="%") == []
    for wrong in ({"sort": "id"}, {"reason": "spite"}, {"limit": 0}, {"offset": -1}):
        with pytest.raises(BadInput):
            act("quarantine.list", **wrong)


def test_a_row_says_why_in_a_sentence(act: Act, keep: Keep) -> None:
    keep(reason="refused type", to=tuple(f"u{number}@example.org" for number in range(30)))
    (row,) = act("quarantine.list")["rows"]
    assert row["sentence"] == ("Kept: a file in the message is of a type that is not taken, for a click would run it.")
    assert row["engines"] == [{"engine": "yara", "said": "clean"}]
    assert (len(row["recipients"]), row["number"]) == (20, 30)


def test_an_auditor_sees_no_subject_finds_none_and_may_not_look(act: Act, keep: Keep) -> None:
    number = keep(subject="the secret merger")
    assert act("quarantine.list", part="merger")["total"] == 1
    (row,) = act("quarantine.list", _role="auditor")["rows"]
    assert row["subject"] == ""
    assert act("quarantine.list", part="merger", _role="auditor")["total"] == 0
    for name in ("quarantine.show", "quarantine.release", "quarantine.delete"):
        arguments = {"id": number} if name == "quarantine.show" else {"ids": [number]}
        for role in ("auditor", "helpdesk"):
            with pytest.raises(Denied):
                act(name, _role=role, **arguments)


def test_ten_thousand_rows_are_as_fast_as_ten(act: Act, keep: Keep, store: Store) -> None:
    """Every order has its index, so that a page reads a page's worth of rows."""
    keep()

    def plan(order: str) -> str:
        sql = f"EXPLAIN QUERY PLAN SELECT * FROM quarantine WHERE 1 = 1 ORDER BY {order} LIMIT 200"
        return " ".join(str(row[-1]) for row in store.read(lambda reader: reader.rows(sql)))

    plans = {name: plan(order) for name, order in quarantine.SORTS.items()}
    assert [name for name, plan in plans.items() if "TEMP B-TREE" in plan] == []


def test_who_may_say_where_spam_goes(act: Act, keep: Keep, settings: Settings) -> None:
    assert act("user.show", address=BOB)["junk"] is False
    for role, word, junk in (("helpdesk", "on", True), ("postmaster", "off", False), ("sysadmin", "site", None)):
        assert act("user.junk", address=BOB, junk=word, _role=role)["junk"] is junk
    with pytest.raises(Denied):
        act("user.junk", address=BOB, junk="on", _role="auditor")
    with pytest.raises(BadInput, match="'perhaps' is none of on, off, site"):
        act("user.junk", address=BOB, junk="perhaps")
    with pytest.raises(BadInput, match="There is no account"):
        act("user.junk", address="eve@example.org", junk="on")
