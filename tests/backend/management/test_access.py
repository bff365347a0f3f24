"""The actions of the access lists: look, add, change, delete and undo, who decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backend.config import Access, Settings
from backend.errors import BadInput, Denied
from backend.management.codec import to_json
from backend.management.registry import find
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER, SYSADMIN, Caller
from backend.store import access, access_patterns
from backend.store.database import Store, Transaction
from tests.backend.management.conftest import Act


def add(act: Act, verdict: str, what: str, **given: Any) -> int:
    number: int = act("access.add", verdict=verdict, what=what, **{"why": "a test", **given})["rule"]["id"]
    return number


def listed(act: Act, **where: Any) -> list[str]:
    return [row["what"] for row in act("access.list", **where)["rows"]]


def test_what_is_listed(act: Act, store: Store) -> None:
    first = add(act, "deny", "192.0.2.0/24", why="spam from there")
    second = add(act, "allow", "partner.test", why="50% of our mail_")
    add(act, "deny", "old.test", lasts=60)
    store.write(lambda t: t.execute("UPDATE access_rules SET until = 1 WHERE what = 'old.test'"))
    store.write(lambda t: access.count_hits(t, {first: 5}, 100.0))
    store.write(lambda t: access.count_hits(t, {second: 3}, 200.0))
    assert listed(act) == ["old.test", "partner.test", "192.0.2.0/24"]
    assert listed(act, sort="age") == ["192.0.2.0/24", "partner.test", "old.test"]
    assert listed(act, sort="-hits") == ["192.0.2.0/24", "partner.test", "old.test"]
    assert listed(act, sort="-last") == ["partner.test", "192.0.2.0/24", "old.test"]
    assert listed(act, verdict="allow") == listed(act, text="PARTNER") == listed(act, text="50%") == ["partner.test"]
    assert listed(act, text="mail_") == ["partner.test"]
    assert listed(act, text="mai_") == []
    assert listed(act, kind="network") == listed(act, text="spam*there") == ["192.0.2.0/24"]
    assert listed(act, expired=True) == ["old.test"]
    assert listed(act, expired=False, verdict="deny") == ["192.0.2.0/24"]
    assert listed(act, owner="tester", limit=1, offset=1) == ["partner.test"]
    assert listed(act, owner="nobody") == []
    page = act("access.list", limit=1)
    assert (page["total"], page["rows"][0]["over"], page["rows"][0]["last_hit"]) == (3, True, None)
    for wrong in ({"sort": "x"}, {"limit": 0}, {"offset": -1}, {"verdict": "x"}, {"kind": "x"}):
        with pytest.raises(BadInput):
            act("access.list", **wrong)


def test_what_is_added_is_said_and_recorded(act: Act) -> None:
    made = act("access.add", verdict="allow", what="Partner.TEST", why="ours", lasts=86_400)
    assert made["rule"]["what"] == "partner.test"
    assert made["rule"]["until"] > made["rule"]["created"]
    assert "SPF and DMARC are asked all the same" in made["note"]
    with pytest.raises(BadInput, match="Rule 1 says that already: allow domain"):
        add(act, "allow", "partner.test.")
    assert (
        "Rule 1 says allow about the same, and allow goes first."
        in act("access.add", verdict="deny", what="partner.test", why="x")["note"]
    )
    assert act("access.add", verdict="allow", what="192.0.2.7", why="x")["note"] == ""
    [row, *_] = act("audit-log.list")["rows"]
    assert (row["action"], row["why"]) == ("access.add", "x")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verdict": "maybe", "what": "x.test"}, "allow or deny"),
        ({"what": "x.test", "why": ""}, "needs a reason"),
        ({"what": "x.test", "why": "x" * 301}, "at most 300 characters"),
        ({"what": "x.test", "kind": "thing"}, "There is no kind"),
        ({"what": "x.test", "lasts": 0}, "up to 100 years"),
        ({"what": "x.test", "lasts": 2**52}, "up to 100 years"),
        ({"what": "10.0.0.0/8"}, "say wide"),
        ({"what": "*@*"}, "say wide"),
        ({"what": "com"}, "a whole top-level domain"),
        ({"what": "not a name"}, "no blanks"),
    ],
)
def test_what_is_not_added(act: Act, given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        act("access.add", **{"verdict": "deny", "why": "a test", **given})
    assert listed(act) == []


def test_no_more_rules_than_the_site_wants(store: Store, settings: Settings) -> None:
    small = replace(settings, access=Access(rules=2))
    caller = Caller("tester", SYSADMIN, "test")

    def act(name: str, **given: Any) -> Any:
        return to_json(find(name)(store, small, caller, {"why": "x", **given}))

    act("access.add", verdict="deny", what="192.0.2.1")
    done = act("access.import", format="rspamd", verdict="deny", text="192.0.2.1\n192.0.2.2\n192.0.2.3\n")
    assert (done["added"], done["duplicates"], done["wrong"]) == (1, 1, 1)
    with pytest.raises(BadInput, match="There are 2 rules already"):
        act("access.add", verdict="deny", what="192.0.2.4")


def test_what_is_changed(act: Act) -> None:
    numbers = [str(add(act, "deny", f"192.0.2.{number}")) for number in range(3)]
    done = act("access.change", ids=[*numbers[:2], "77"], reason="a better one", lasts=60)
    assert (done["affected"], done["ids"], done["missed"]) == (2, numbers[:2], 1)
    rows = act("access.list", sort="age")["rows"]
    assert [(row["reason"], bool(row["until"])) for row in rows] == [("a better one", True)] * 2 + [("a test", False)]
    act("access.change", ids=numbers, forever=True)
    assert [row["until"] for row in act("access.list")["rows"]] == [None] * 3
    for wrong in ({}, {"reason": " "}, {"lasts": 1, "forever": True}, {"ids": ["x"], "forever": True},
                  {"ids": ["77"], "forever": True}, {"ids": [], "forever": True}, {"reason": "x" * 301}):  # fmt: skip
        with pytest.raises(BadInput):
            act("access.change", **{"ids": numbers, **wrong})


def test_what_is_deleted_comes_back(act: Act) -> None:
    for number in range(3):
        add(act, "deny", f"192.0.2.{number}")
    add(act, "allow", "partner.test")
    before = act("access.list")
    with pytest.raises(BadInput, match="An empty filter matches nothing"):
        act("access.delete")
    with pytest.raises(BadInput, match="not both"):
        act("access.delete", ids=["1"], all=True)
    with pytest.raises(BadInput, match="no access rule 77"):
        act("access.delete", ids=["77"])
    gone = act("access.delete", ids=["1", "77"])
    assert (gone["affected"], gone["missed"]) == (1, 1)
    others = act("access.delete", verdict="deny")
    assert listed(act) == ["partner.test"]
    act("undo", id=others["undo"])
    act("undo", id=gone["undo"])
    assert act("access.list") == before
    assert act("access.delete", text="nothing like it")["affected"] == 0


def test_many_are_deleted_in_pieces_and_all_come_back(act: Act, store: Store) -> None:
    def fill(transaction: Transaction) -> None:
        for number in range(4_500):
            pattern = access_patterns.parse(f"10.0.{number >> 8}.{number & 255}")
            access.add(transaction, "deny", pattern, owner="o", reason="r", until=None)

    store.write(fill)
    answer = act("access.delete", all=True)
    pieces = [answer["affected"]]
    undo = answer["undo"]
    while answer["next"] is not None:
        answer = act("access.delete", all=True, after=answer["next"], undo=undo)
        assert answer["undo"] == undo
        pieces.append(answer["affected"])
    assert pieces == [2_000, 2_000, 500]
    assert act("access.list")["total"] == 0
    assert act("undo", id=undo)["rows"] == 4_500
    assert act("access.list")["total"] == 4_500


def test_who_may(act: Act) -> None:
    add(act, "deny", "192.0.2.7", _role=POSTMASTER)
    for role in (HELPDESK, AUDITOR):
        assert act("access.list", _role=role)["total"] == 1
        assert act("access.check", _role=role, ip="192.0.2.7")["verdict"] == "deny"
        for name in ("access.add", "access.change", "access.delete", "access.import"):
            with pytest.raises(Denied):
                act(name, _role=role)
    assert act("access.export", _role=AUDITOR)["rules"] == 1
    with pytest.raises(Denied):
        act("access.export", _role=HELPDESK)


# -- who decides


def states(answer: Any) -> list[str]:
    return [step["state"] for step in answer["steps"]]


def test_the_chain_of_a_decision(act: Act, store: Store) -> None:
    deny = add(act, "deny", "192.0.2.0/24")
    other = add(act, "deny", "192.0.2.7")
    whom = {"ip": "192.0.2.7", "sender": "Ann@Partner.test", "recipient": "bob@example.org"}
    found = act("access.check", **whom)
    assert (found["verdict"], found["rule"]) == ("deny", deny)
    assert states(found) == ["nothing", "later", "decides", "nothing", "nothing"]
    assert [row["id"] for row in found["rules"]] == [deny, other]
    allow = add(act, "allow", "partner.test")
    found = act("access.check", **whom)
    assert (found["verdict"], found["rule"]) == ("allow", allow)
    assert states(found) == ["decides", "nothing", "fits", "nothing", "later"]
    assert [row["id"] for row in found["rules"]] == [allow, deny, other]
    store.write(lambda t: t.execute("UPDATE access_rules SET until = 1 WHERE id = ?", (allow,)))
    found = act("access.check", **whom)
    assert found["rule"] == deny
    assert [(row["id"], row["over"]) for row in found["rules"]] == [(deny, False), (other, False), (allow, True)]
    assert [row["hits"] for row in found["rules"]] == [0, 0, 0]
    found = act("access.check", ip="198.51.100.1")
    assert (found["verdict"], found["rule"], found["rules"]) == ("none", None, [])
    assert states(found) == ["nothing", "later", "nothing", "later", "later"]


def test_whom_no_rule_is_about(act: Act) -> None:
    add(act, "deny", "127.0.0.0/8", wide=True)
    add(act, "deny", "192.0.2.7")
    found = act("access.check", ip="127.0.0.1")
    assert (found["verdict"], found["sentence"]) == (
        "ours",
        "No rule is asked: 127.0.0.1 is of ours ([relay] networks).",
    )
    found = act("access.check", ip="192.0.2.7", recipient="Abuse@example.org")
    assert found["verdict"] == "none"
    assert "postmaster and abuse hear everybody" in found["steps"][2]["words"]
    assert act("access.check", ip="192.0.2.7", recipient="abuse@elsewhere.test")["verdict"] == "deny"
    add(act, "deny", "abuse@example.org", kind="recipient")
    assert act("access.check", ip="192.0.2.7", recipient="abuse@example.org")["verdict"] == "deny"
    assert act("access.check", ip="::ffff:192.0.2.7")["verdict"] == "deny"


@pytest.mark.parametrize(
    "wrong", [{"ip": "x"}, {"ip": "192.0.2.0/24"}, {"name": "a b"}, {"sender": "x"}, {"recipient": "<>"}]
)
def test_a_question_about_nobody(act: Act, wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        act("access.check", **wrong)
