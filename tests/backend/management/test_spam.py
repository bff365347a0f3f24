"""What a message scores, and what the site learns."""

from __future__ import annotations

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.content.spam.parts import unpack
from backend.errors import BadInput, Denied
from backend.management.roles import HELPDESK, POSTMASTER
from backend.store import spam_lessons
from backend.store.database import Store, Transaction
from tests.backend.content.spam.test_scoring import GOOD, SPAM
from tests.backend.management.conftest import Act


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_score(act: Act) -> None:
    bad, good = act("spam.score", message=text(SPAM)), act("spam.score", message=text(GOOD), _role=HELPDESK)
    assert bad["spam"]
    assert not good["spam"]
    assert bad["points"] == pytest.approx(sum(reason["points"] for reason in bad["reasons"]))
    assert bad["threshold"] == 5.0


def test_learn_and_forget(act: Act, store: Store) -> None:
    before = act("spam.score", message=text(GOOD))
    answer = act("spam.learn", message=text(GOOD), _role=POSTMASTER, **{"as": "spam"})
    assert answer == {"changed": 1, "unchanged": 0, "spam": 1, "ham": 0}
    assert act("spam.learn", message=text(GOOD), **{"as": "spam"})["unchanged"] == 1
    after = act("spam.score", message=text(GOOD))
    assert after["learnt"] == "spam"
    assert after["points"] == pytest.approx(7.0, abs=0.1)  # two more than the threshold
    answer = act("spam.learn", message=text(GOOD), **{"as": "ham"})
    assert answer == {"changed": 1, "unchanged": 0, "spam": 0, "ham": 1}
    assert act("spam.score", message=text(GOOD))["points"] == before["points"]  # it was right without a lesson
    assert act("spam.forget", message=text(GOOD))["changed"] == 1
    assert act("spam.forget", message=text(GOOD))["changed"] == 0
    assert act("spam.score", message=text(GOOD)) == before
    assert not store.read(spam_lessons.read)


def test_good_mail_that_was_marked_is_learnt(act: Act) -> None:
    assert act("spam.score", message=text(SPAM))["spam"]
    act("spam.learn", message=text(SPAM), **{"as": "ham"})
    assert not act("spam.score", message=text(SPAM))["spam"]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["spam", "ham", ""])), max_size=12))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_forgotten_leaves_nothing(store: Store, deeds: list[tuple[str, str]]) -> None:
    def run(transaction: Transaction) -> None:
        for name, kind in [*deeds, *((name, "") for name in "abcde")]:
            places = {ord(name) * 7 + n for n in range(20)}
            if kind:
                spam_lessons.learn(transaction, name, kind, places, 0.0, 5.0)
            else:
                spam_lessons.forget(transaction, name, places)

    store.write(run)
    assert not store.read(spam_lessons.read)
    assert store.read(spam_lessons.numbers) == (0, 0)


def test_a_marked_copy_is_the_same_message(act: Act) -> None:
    act("spam.learn", message=text(SPAM), **{"as": "spam"})
    marked = b"Received: from a by b\nX-Spam-Flag: YES\n" + SPAM.replace(b"Subject: ", b"Subject: ***SPAM*** ")
    assert act("spam.score", message=text(marked))["learnt"] == "spam"
    assert act("spam.forget", message=text(marked))["changed"] == 1


def test_every_lesson_changes_the_version(act: Act, store: Store) -> None:
    versions = [store.read(spam_lessons.version)]
    for name, words in (("learn", {"as": "ham"}), ("learn", {"as": "spam"}), ("forget", {})):
        act(f"spam.{name}", message=text(SPAM), **words)
        versions.append(store.read(spam_lessons.version))
    assert versions == sorted(set(versions))


def test_wrong_use(act: Act) -> None:
    with pytest.raises(BadInput, match="spam or as ham"):
        act("spam.learn", message=text(SPAM), **{"as": "junk"})
    with pytest.raises(BadInput, match="base64"):
        act("spam.score", message="%")
    with pytest.raises(BadInput, match="nothing"):
        act("spam.learn", message="", **{"as": "spam"})
    with pytest.raises(Denied):
        act("spam.learn", message=text(SPAM), _role=HELPDESK, **{"as": "spam"})


def test_the_audit_log_does_not_keep_the_message(act: Act) -> None:
    act("spam.learn", message=text(SPAM), **{"as": "spam"})
    [row] = [row for row in act("audit-log.list")["rows"] if row["action"] == "spam.learn"]
    assert row["arguments"] == {"as": "spam", "message": f"{len(text(SPAM)):,} characters"}
    assert unpack(SPAM, len(SPAM)).header[0][1] not in str(row)
