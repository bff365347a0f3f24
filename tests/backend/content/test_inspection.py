"""One look at a message: one job for viruses and spam, each without the other; a message that ends who looks at it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.config import Antivirus as Wanted
from backend.config import Settings, Site
from backend.content import workshop
from backend.content.antivirus import Antivirus
from backend.content.inspection import Inspection
from backend.content.scorer import Context
from backend.content.spam import learnt, parts
from backend.content.spam.rules import GTUBE
from backend.content.spam.tokens import tokens
from backend.content.viruses import decide
from backend.limits import Limits
from backend.store import spam_lessons
from backend.store.accounts import found_site
from backend.store.bodies import Body
from backend.store.database import Store
from tests.backend.content.spam.test_scoring import GOOD, SPAM
from tests.backend.content.test_workshop import children
from tests.harness.clamd import EICAR

BOTH = b"Subject: both\r\n\r\n" + EICAR + b"\r\n" + GTUBE.encode() + b"\r\n"


def body(data: bytes) -> Body:
    return Body(size=len(data), data=data)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir(mode=0o700)
    site = Site(hostname="mail.example.org", domain="example.org", data=tmp_path / "data", run=tmp_path / "run")
    return Settings(site=site, limits=Limits(unpack_seconds=10, workshop_children=1))


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """With the test's own event loop."""
    Store.create(settings.site.data)
    store = Store.open(settings.site.data)
    await store.commit(lambda transaction: found_site(transaction, settings.site.domain))
    yield store
    store.close()


async def test_one_child_says_both_of_one_message(settings: Settings, store: Store) -> None:
    inspection = Inspection(settings, store)
    report = await inspection.look(body(BOTH), spam=Context(findings={"spf": "fail"}))
    assert [rule for rule, _ in report["yara"]["found"]] == ["EICAR_Test_File"]
    assert {"GTUBE", "SPF_FAIL"} <= {name for name, *_ in report["spam"]["reasons"]}
    assert len(children()) == 1
    inspection.close()


async def test_each_without_the_other(settings: Settings, store: Store) -> None:
    inspection = Inspection(settings, store)
    assert "spam" not in await inspection.look(body(BOTH))
    report = await inspection.look(body(BOTH), viruses=False, spam=Context())
    assert report["spam"]["points"] > 900
    assert not {"yara", "troubles", "refused"} & report.keys()
    inspection.close()


async def test_lessons_reach_the_children(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.content.inspection._LOOK", 0.0)
    inspection = Inspection(settings, store)
    before = (await inspection.look(body(SPAM), spam=Context()))["spam"]
    places = learnt.places(tokens(parts.unpack(SPAM, len(SPAM))))
    await store.commit(
        lambda transaction: spam_lessons.learn(transaction, "digest", "ham", places, before["points"], 5.0)
    )
    after = (await inspection.look(body(SPAM), spam=Context()))["spam"]
    assert "LEARNT_HERE" not in {name for name, *_ in before["reasons"]}
    assert after["points"] < 5 < before["points"]
    inspection.close()


async def test_a_message_that_ends_every_child_is_unscannable_and_not_deferred_for_ever(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that nobody writes to: whoever reads this message hangs until he is killed."""
    monkeypatch.setattr(workshop, "_SPARE", 0)
    endless = tmp_path / "pipe"
    os.mkfifo(endless)
    held = os.open(endless, os.O_RDWR)  # or nobody could open it
    antivirus = Antivirus(replace(settings, limits=replace(settings.limits, unpack_seconds=1)), store)
    found = await antivirus.examine(Body(size=10, path=endless))
    assert found.unscannable == (
        "fatal: the message: the processes that looked at it came to their end: it took more than 1 seconds",
    )
    assert (found.deferring, found.faults) == ((), ())
    verdict = decide(found, Wanted(), inside=False)
    assert verdict is not None
    assert (verdict.action, verdict.reason) == ("reject", "unscannable")
    passing = decide(found, Wanted(unscannable="mark"), inside=False)
    assert passing is not None
    assert (passing.action, passing.reason) == ("mark", "unscannable")
    os.close(held)
    clean = await antivirus.examine(body(GOOD))
    assert (clean.unscannable, clean.deferring) == ((), ())
    antivirus.close()


async def test_a_message_that_cannot_be_read_is_deferred(settings: Settings, store: Store, tmp_path: Path) -> None:
    antivirus = Antivirus(settings, store)
    found = await antivirus.examine(Body(size=10, path=tmp_path / "nothing"))
    assert (found.unscannable, found.deferring) == ((), ("yara",))
    antivirus.close()


async def test_what_ends_the_scorer_costs_only_the_score(settings: Settings, store: Store) -> None:
    inspection = Inspection(settings, store)
    broken: Any = ["no finding"]
    report = await inspection.look(body(BOTH), spam=Context(findings={"spf": broken}))
    assert report["spam"] == {"failed": "TypeError"}
    assert report["yara"]["found"]
    inspection.settings = replace(settings, spam=replace(settings.spam, seconds=1e-6))
    report = await inspection.look(body(BOTH), spam=Context())
    assert report["spam"] == {"failed": "late"}
    assert report["yara"]["found"]
    inspection.close()
