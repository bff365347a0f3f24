"""Whole screens, letter by letter, as they were last approved: at a fixed time, with fixed ids and data.

After a change that is meant: `UPDATE_SNAPSHOTS=1 pytest tests/screens/test_snapshots.py`, and look at the difference.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot

from backend import ids
from backend.store import queue
from backend.store.database import Transaction
from screens import figures
from tests.screens.conftest import Service, on_screen, text, until

FOLDER = Path(__file__).with_name("snapshots")
NOON = datetime.datetime(2026, 11, 24, 12, 4, 31, tzinfo=datetime.UTC)
HOUR = 3_600.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that everybody's clock shows; the ids of messages count from one."""
    seconds = [NOON.timestamp()]
    numbers = itertools.count(0x0CAFE << 40)

    def now() -> str:
        return datetime.datetime.fromtimestamp(seconds[0], datetime.UTC).isoformat()

    monkeypatch.setattr(time, "time", lambda: seconds[0])
    monkeypatch.setattr(figures, "now", now)
    monkeypatch.setattr(ids, "new", lambda: next(numbers))
    return seconds


@pytest.fixture
async def filled(service: Service, clock: list[float]) -> Service:
    """A day in the life of a small queue."""
    clock[0] -= 5 * HOUR
    service.act("user.add", address="alice@example.org", password="long enough", why="new at the institute")
    first = await service.wait("editor@remote.test", "archive@remote.test")
    clock[0] += HOUR

    def refused(transaction: Transaction) -> None:
        row = queue.entries(transaction, [f"{first}-2"])[0].row
        transaction.execute(
            "UPDATE queue SET state = 'deferred', attempts = 3, due = ?, error = ? WHERE id = ?",
            (NOON.timestamp() + 1_200, "451 4.7.1 Greylisted, see http://remote.test/why", row),
        )

    service.store.write(refused)
    service.act("queue.hold", ids=[f"{first}-1"], why="asked by alice")
    clock[0] += 3 * HOUR
    await service.wait("星@日本語.test", "x" * 60 + "@long.test", sender="")
    service.act("rule.add", sender="*@spam.test", reason="phishing for passwords")
    service.act("user.suspend", address="alice@example.org", why="left the institute")
    await service.wait("gone@other.test")
    service.act("queue.delete", ids=[f"{ids.text((0x0CAFE << 40) + 2)}-1"])
    clock[0] += HOUR
    return service


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        ("queue", "2", "451 4.7.1"),
        ("message", ("2", "enter"), "held queue"),
        ("story", ("3", "G", "enter"), "Accepted from"),
        ("audit", "7", "user.suspend"),
        ("deletions", "U", "queue entry"),
    ],
    ids=lambda part: part if isinstance(part, str) and part.isalpha() else "",
)
async def test_a_screen_looks_as_it_did(filled: Service, name: str, keys: Sequence[str], words: str) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "mail.example.org" in text(pilot))
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: getattr(pilot.app.screen, "snapshot", None) is not None)
            await pilot.pause(0.1)
        await until(pilot, lambda: words in text(pilot))
        file = FOLDER / f"{name}.txt"

        def shown() -> str:
            return "\n".join(line.rstrip() for line in text(pilot).splitlines()) + "\n"

        if os.environ.get("UPDATE_SNAPSHOTS"):
            FOLDER.mkdir(exist_ok=True)
            file.write_text(shown(), "utf-8")
        approved = file.read_text("utf-8")
        with contextlib.suppress(AssertionError):  # it may not be drawn to its end yet
            await until(pilot, lambda: shown() == approved)
        assert shown() == approved

    await on_screen(filled, test)
