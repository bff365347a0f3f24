"""Spam over time, thresholds tried and set, and what people report."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from backend import ids
from backend.errors import BadInput, Denied
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER
from backend.store import spam_scores, trace
from backend.store.database import Store, Transaction
from tests.backend.content.spam.test_scoring import GOOD, SPAM
from tests.backend.management.conftest import Act
from tests.backend.store.test_spam_scores import scored


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def came(store: Store, points: float, *, message_id: str = "", marked_from: float = 5.0) -> int:
    """A message that was accepted with a score."""
    identity = ids.new()

    def take(transaction: Transaction) -> None:
        trace.add(transaction, "accept", "accepted", message=identity, message_id=message_id or None)
        detail = {"points": points, "marked": points >= marked_from, "reasons": {"WORDS": points}}
        spam_scores.note(transaction, identity, "ann@client.test", detail)

    store.write(take)
    return identity


def test_nothing_was_scored_yet(act: Act) -> None:
    figures = act("spam.figures", parts=4)
    assert (figures["marked"], figures["clean"], figures["unscored"], figures["kept"]) == ([0] * 4, [0] * 4, [0] * 4, 0)
    assert figures["threshold"] == {"value": 5.0, "file": 5.0, "author": None, "since": None}
    assert act("spam.scores")["number"] == act("spam.list")["total"] == act("spam.try", threshold="1")["number"] == 0
    assert act("spam.reports")["rows"] == []


def test_figures_scores_and_list(act: Act, store: Store) -> None:
    identities = scored(store, 9.0, 1.0, -2.0)
    store.write(lambda transaction: spam_scores.note(transaction, ids.new(), "", {"failed": "late"}))
    figures = act("spam.figures", hours=1, parts=1, _role=AUDITOR)
    assert (figures["marked"], figures["clean"], figures["unscored"], figures["kept"]) == ([1], [2], [1], 3)
    picture = act("spam.scores", _role=AUDITOR)
    assert (picture["number"], picture["marked"], sum(picture["bins"])) == (3, 1, 3)
    assert picture["bins"][int((9.0 - picture["lowest"]) / picture["width"])] == 1
    assert picture["reasons"][0] == {
        "name": "WORDS", "marked": 1, "marked_points": 9.0, "clean": 2, "clean_points": -1.0
    }  # fmt: skip
    rows = act("spam.list", only="marked", _role=AUDITOR)
    assert rows["total"] == 1
    assert rows["rows"][0] | {"time": ""} == {
        "id": ids.text(identities[0]), "time": "", "points": 9.0, "marked": True,
        "reasons": ["WORDS 9.0", "NO_DATE 0.5"], "domain": "client.test", "reported": None,
    }  # fmt: skip
    assert [row["points"] for row in act("spam.list", sort="points", limit=2, offset=1)["rows"]] == [1.0, 9.0]


def test_try_says_what_would_have_been(act: Act, store: Store) -> None:
    scored(store, 9.0, 6.0, 4.5, 4.0, 1.0)
    found = act("spam.try", threshold="4.2", _role=AUDITOR)
    assert {name: found[name] for name in ("number", "came_marked", "marked", "would", "gained", "lost")} == {
        "number": 5, "came_marked": 2, "marked": 2, "would": 3, "gained": 1, "lost": 0
    }  # fmt: skip
    assert [row["points"] for row in found["rows"]] == [4.5]
    found = act("spam.try", threshold="8")
    assert (found["would"], found["gained"], found["lost"]) == (1, 0, 1)
    found = act("spam.try", threshold="5")
    assert (found["gained"], found["lost"], found["rows"]) == (0, 0, [])


def test_try_looks_at_the_last_thousand_and_names_fifty(act: Act, store: Store) -> None:
    scored(store, *[9.0] * 10)
    time.sleep(0.005)  # ids of one moment are in no order
    scored(store, *[4.0] * 60, *[1.0] * 940)
    found = act("spam.try", threshold="3.5")
    assert (found["number"], found["marked"], found["would"], len(found["rows"])) == (1_000, 0, 60, 50)


def test_a_threshold_is_set_kept_and_undone(act: Act) -> None:
    answer = act("spam.threshold", value="4,5", _role=POSTMASTER)
    assert (answer["before"], answer["value"], answer["file"]) == (5.0, 4.5, 5.0)
    found = act("spam.figures")["threshold"]
    assert (found["value"], found["file"], found["author"]) == (4.5, 5.0, "tester")
    assert act("spam.score", message=text(GOOD))["threshold"] == 4.5
    assert act("spam.scores")["threshold"] == act("spam.try", threshold="9")["in_force"] == 4.5
    [row] = [row for row in act("audit-log.list")["rows"] if row["action"] == "spam.threshold"]
    assert row["before"] == {"threshold": 5.0, "set_here": False}
    assert row["after"] == {"threshold": 4.5, "set_here": True}
    assert act("undo", id=answer["undo"])["summary"] == "the spam threshold of the file's 5 points, before it was 4.5"
    assert act("spam.figures")["threshold"]["author"] is None


def test_the_file_counts_again(act: Act) -> None:
    first = act("spam.threshold", value="7")
    back = act("spam.threshold", value="default")
    assert (back["before"], back["value"]) == (7.0, 5.0)
    with pytest.raises(BadInput, match="counts already"):
        act("spam.threshold", value="default")
    with pytest.raises(BadInput, match="changed again"):
        act("undo", id=first["undo"])
    act("undo", id=back["undo"])
    assert act("spam.figures")["threshold"]["value"] == 7.0
    with pytest.raises(BadInput, match="already"):
        act("spam.threshold", value="7.0")


def test_settings_say_that_the_file_is_not_obeyed(act: Act) -> None:
    def row() -> dict[str, Any]:
        [found] = act("settings.list", part="spam.threshold")["rows"]
        return found  # type: ignore[no-any-return]

    before = row()
    assert (before["value"], before["author"], before["file"]) == ("5.0", None, None)
    act("spam.threshold", value="6.5")
    after = row()
    assert (after["value"], after["author"], after["file"], after["pending"]) == ("6.5", "tester", "5.0", None)
    assert after["since"].endswith("Z")
    assert act("settings.list", part="spam.threshold", only="set")["total"] == 1
    act("spam.threshold", value="default")
    assert row() == before


@pytest.mark.parametrize("wrong", ["", "nan", "inf", "0", "-3", "101", "five", "1e9", "[/nope]"])
def test_what_is_no_threshold(act: Act, wrong: str) -> None:
    for name, argument in (("spam.try", "threshold"), ("spam.threshold", "value")):
        with pytest.raises(BadInput):
            act(name, **{argument: wrong})
    assert act("spam.figures")["threshold"]["author"] is None


def test_wrong_use(act: Act) -> None:
    for name, words in (
        ("spam.figures", {"hours": 0}), ("spam.figures", {"parts": 999}), ("spam.scores", {"last": 0}),
        ("spam.list", {"only": "x"}), ("spam.list", {"sort": "x"}), ("spam.list", {"limit": 0}),
        ("spam.reports", {"only": "x"}), ("spam.reports", {"offset": -1}),
    ):  # fmt: skip
        with pytest.raises(BadInput):
            act(name, **words)
    for name in ("spam.figures", "spam.scores", "spam.list", "spam.reports"):
        with pytest.raises(Denied):
            act(name, _role=HELPDESK)
    with pytest.raises(Denied):
        act("spam.threshold", value="4", _role=AUDITOR)


RECEIVED = (
    "Received: from x (client.test [192.0.2.1])\r\n\tby mail.example.org (Mailconsole) with ESMTP\r\n"
    "\t(TLSv1.3 X) id {}\r\n\tfor <bob@example.org>;\r\n\tTue, 24 Nov 2026 12:00:00 +0000\r\n"
)


def test_good_mail_that_was_marked_is_reported(act: Act, store: Store) -> None:
    identity = came(store, 7.0, message_id="<a@client.test>")
    came(store, 1.0, message_id="<b@client.test>")
    message = RECEIVED.format(ids.text(identity)).encode() + b"Message-ID: <a@client.test>\r\n" + GOOD
    act("spam.learn", message=text(message), **{"as": "ham"})
    answer = act("spam.reports", only="false-positive", _role=AUDITOR)
    assert (answer["total"], answer["false_positives"], answer["false_negatives"], answer["right"]) == (1, 1, 0, 0)
    [row] = answer["rows"]
    assert (row["id"], row["kind"], row["marked"], row["wrong"]) == (ids.text(identity), "ham", True, True)
    assert (row["points"], row["reasons"], row["domain"], row["reporter"]) == (
        7.0,
        ["WORDS 7.0"],
        "client.test",
        "tester",
    )
    assert act("spam.figures")["false_positives"] == 1
    tried = act("spam.try", threshold="8")
    assert (tried["ham"], tried["ham_right"], tried["ham_would"]) == (1, 0, 1)
    assert tried["rows"][0]["reported"] == "ham"
    act("spam.learn", message=text(message), **{"as": "spam"})
    assert act("spam.reports")["right"] == 1
    act("spam.forget", message=text(message))
    assert act("spam.reports")["total"] == 0


def test_spam_that_was_missed_is_found_by_its_message_id(act: Act, store: Store) -> None:
    identity = came(store, 1.5, message_id="<c@client.test>")
    act("spam.learn", message=text(b"Message-ID: <c@client.test>\r\n" + SPAM), **{"as": "spam"})
    [row] = act("spam.reports", only="false-negative")["rows"]
    assert (row["id"], row["points"], row["marked"]) == (ids.text(identity), 1.5, False)
    tried = act("spam.try", threshold="1")
    assert (tried["spam"], tried["spam_right"], tried["spam_would"]) == (1, 0, 1)


def test_an_id_that_somebody_made_up_is_not_believed(act: Act, store: Store) -> None:
    identity = came(store, 7.0, message_id="<d@client.test>")
    message = RECEIVED.format(ids.text(identity)).encode() + b"Message-ID: <other@client.test>\r\n" + GOOD
    act("spam.learn", message=text(message), **{"as": "ham"})
    assert act("spam.reports")["total"] == 0


def test_the_header_tells_when_the_score_is_forgotten(act: Act) -> None:
    status = b"X-Spam-Status: Yes, score=6.3 required=5.0\r\n\ttests=A=6.3\r\n\tversion=Mailconsole 0.1.0\r\n"
    act("spam.learn", message=text(status + b"From: Ann <ann@Client.test>\r\n" + GOOD), **{"as": "ham"})
    [row] = act("spam.reports", only="false-positive")["rows"]
    assert (row["id"], row["points"], row["domain"], row["reasons"]) == (None, 6.3, "client.test", [])


def test_mail_that_was_never_scored_is_no_report(act: Act) -> None:
    act("spam.learn", message=text(GOOD), **{"as": "ham"})
    act("spam.learn", message=text(b"X-Spam-Status: Yes, score=9.1 required=5\r\n" + SPAM), **{"as": "spam"})
    assert act("spam.reports")["total"] == 0
