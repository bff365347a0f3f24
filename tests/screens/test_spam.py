"""Spam: figures and scores are drawn, thresholds are tried with the arrows, and set after a dialog with the numbers."""

from __future__ import annotations

import random

import pytest
from textual.pilot import Pilot

from backend import ids
from backend.store import overrides, spam_reports, spam_scores, trace
from backend.store.database import Transaction
from screens.confirm import Confirm
from screens.spam import Spam
from screens.spam_messages import Reported, Scored, Sides
from screens.story import StoryScreen
from tests.screens.conftest import SIZES, Service, on_screen, said, table, text, until

_NUMBERS = random.Random(5)
POINTS = [round(_NUMBERS.gauss(-4, 2) if n % 3 else _NUMBERS.gauss(9, 2.5), 2) for n in range(298)] + [4.2, 6.1]
SPAM, MORE = sum(one >= 5 for one in POINTS), sum(4 <= one < 5 for one in POINTS)


WORDS = (
    "Mail that was scored, the last day",
    "Points of the last 300 messages",
    "▲ 5 in force",
    "Reasons that weigh most",
    "Nothing needs attention",
    "Mail is marked from 5 points on, as the settings file says",
    "not marked",
    "messages are spam.",
    "Nobody has reported one of these",
    "█",
)


def fill(service: Service) -> list[int]:
    """Messages that were scored: two heaps, and some between them. Their ids, the oldest first."""
    identities: list[int] = []

    def take(transaction: Transaction) -> None:
        for one in POINTS:
            identity = ids.new()
            identities.append(identity)
            trace.add(transaction, "accept", "accepted", message=identity, sender="ann@client.test", peer="192.0.2.7")
            reasons = {"WORDS_AND_FORM": one - 1, "SPF_FAIL": 1.5, "NO_DATE": 0.5, "LEARNT_HERE": -1.0}
            detail = {"points": one, "marked": one >= 5.0, "reasons": reasons}
            spam_scores.note(transaction, identity, "ann@client.test", detail)

    service.store.write(take)
    return identities


async def opened(pilot: Pilot[None], words: str) -> None:
    """The screen, with what it has to show."""
    await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
    await pilot.press("S")
    await until(pilot, lambda: isinstance(pilot.app.screen, Spam) and words in text(pilot))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_is_drawn(service: Service, size: tuple[int, int]) -> None:
    fill(service)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, "WORDS_AND_FORM")
        shown = text(pilot)
        for words in WORDS:
            assert words in shown, words
        assert all(len(line) <= size[0] for line in shown.splitlines())
        assert "› spam" in shown.splitlines()[0]  # where we are comes before whose host it is

    await on_screen(service, test, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_nothing_was_scored_yet(service: Service, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, "No mail has been scored yet")
        await pilot.press("left", "right", "plus", "t")
        await until(pilot, lambda: "Try another threshold first" in said(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Spam))

    await on_screen(service, test, size)


async def test_a_threshold_is_tried_and_nothing_changes(service: Service) -> None:
    fill(service)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, "5 points: ")
        await pilot.press("left", "left")
        await until(pilot, lambda: "△ 4 tried" in text(pilot) and "With 4: " in text(pilot))
        assert f"{SPAM + MORE} of the last 300 messages are spam, {SPAM} with 5: {MORE} more, 0 fewer." in text(pilot)
        await pilot.press("plus")
        await until(pilot, lambda: "With 4.1: " in text(pilot))
        await pilot.press(*["right"] * 30)  # faster than anybody answers
        await until(pilot, lambda: "With 19.1: " in text(pilot) and "0 more" in text(pilot))
        await pilot.press(*["left"] * 80)
        await until(pilot, lambda: "With 0.1: " in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "5 points: " in text(pilot) and "tried" not in text(pilot))
        assert service.store.read(overrides.every) == []

    await on_screen(service, test)


async def test_it_is_set_after_a_dialog_and_undone(service: Service) -> None:
    fill(service)

    def set_here() -> list[str]:
        return [one.value for one in service.store.read(overrides.every)]

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, "5 points: ")
        await pilot.press("left", "left")
        await until(pilot, lambda: "With 4: " in text(pilot))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm) and "4 points" in text(pilot))
        assert f"With 4: {SPAM + MORE} of the last 300 messages are spam" in text(pilot)
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "cancel"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Spam))
        assert set_here() == []

        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await until(pilot, lambda: set_here() == ["4"])
        await until(pilot, lambda: "4 points are in force now; u undoes it" in said(pilot))
        await until(pilot, lambda: f"4 points: {SPAM + MORE} of" in text(pilot) and "set here by" in text(pilot))
        assert "the file's 5 does not count" in text(pilot)

        await pilot.press("t")
        await until(pilot, lambda: "The file's 5 points" in text(pilot))
        await pilot.press("right", "enter")
        await until(pilot, lambda: set_here() == [])
        await pilot.press("u")
        await until(pilot, lambda: set_here() == ["4"])
        await pilot.press("u")
        await until(pilot, lambda: set_here() == [])

    await on_screen(service, test)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_lies_behind(service: Service, size: tuple[int, int]) -> None:
    identities = fill(service)

    def report(transaction: Transaction) -> None:
        good = spam_scores.get(transaction, identities[-1])
        assert good is not None
        spam_reports.put(transaction, "d1", "ham", "olga", good)

    service.store.write(report)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, "▲ 1 good message was marked, as people report")
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, Scored) and table(pilot).row_count == 200)
        assert "client.test" in text(pilot)
        assert "▲ marked" in text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, StoryScreen) and "Accepted from" in text(pilot))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Spam))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reported) and table(pilot).row_count == 1)
        assert "1 marked wrongly" in text(pilot)
        assert "The mark was wrong: reported as good mail, marked" in text(pilot)
        await pilot.press("enter")
        await until(
            pilot, lambda: isinstance(pilot.app.screen, StoryScreen) and ids.text(identities[-1]) in text(pilot)
        )
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Spam))
        await pilot.press("right", "right", "right", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, Sides) and table(pilot).row_count > 0)
        assert "would not be marked" in text(pilot)
        assert "6.5 tried" in text(pilot)
        assert "Reported as good: 1 of 1 right (now 0)." not in text(pilot)
        await pilot.press("escape", "h")
        await until(pilot, lambda: "the last week" in text(pilot))
        await until(pilot, lambda: "Reported as good: 1 of 1 right (now 0)." in text(pilot))

    await on_screen(service, test, size)


async def test_when_the_service_is_gone(service: Service) -> None:
    fill(service)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, "5 points: ")
        await service.server.close()
        await pilot.press("left")
        await until(pilot, lambda: "stale since" in text(pilot))
        assert "Reasons that weigh" in text(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await pilot.pause(0.3)
        assert pilot.app.is_running

    await on_screen(service, test)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_settings_say_who_set_it(service: Service, size: tuple[int, int]) -> None:
    service.act("spam.threshold", value="6.5")

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
        await pilot.press("8", "slash", *"threshold", "enter")
        await until(pilot, lambda: "set here" in text(pilot) and "filter: threshold" in text(pilot))
        for _ in range(20):
            if "spam.threshold = 6.5" not in text(pilot):
                await pilot.press("j")
        assert "spam.threshold = 6.5  not the file's 5.0: set here by olga, 20" in text(pilot)

    await on_screen(service, test, size)
