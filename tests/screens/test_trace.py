"""Where is my mail? Keys in, sentences on the screen out."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from backend import ids
from backend.management.snapshots.trace import StoryRow
from backend.store import trace
from backend.store.database import Transaction
from screens.story import Steps, StoryScreen
from screens.trace import Trace
from screens.widgets.table import Table
from tests.screens.conftest import SIZES, Service, on_screen, text, until


def table(pilot: Pilot[None]) -> Table[StoryRow]:
    return pilot.app.screen.query_one(Table)


async def open_trace(pilot: Pilot[None], rows: int) -> None:
    await pilot.press("3")
    await until(pilot, lambda: isinstance(pilot.app.screen, Trace) and table(pilot).row_count == rows)


async def refuse(service: Service, *recipients: str, sender: str = "eve@client.test") -> str:
    """A session in which these were refused."""
    session = ids.text(ids.new())
    detail = {"check": "recipient", "reason": "unknown user", "reply": "550 5.1.1 unknown"}

    def write(transaction: Transaction) -> None:
        for recipient in recipients:
            trace.add(
                transaction, "rcpt", "rejected", session=session, peer="192.0.2.9", sender=sender, recipient=recipient,
                detail=detail,
            )  # fmt: skip

    await service.store.commit(write)
    return session


@pytest.mark.parametrize("size", SIZES)
async def test_stories_with_their_sentences(service: Service, size: tuple[int, int]) -> None:
    await service.wait("bob@remote.test")
    await refuse(service, "nobody@example.org", "neither@example.org")

    async def test(pilot: Pilot[None]) -> None:
        await open_trace(pilot, 2)
        await until(pilot, lambda: "there is no address nobody@example.org" in text(pilot))
        assert "2 recipients: all refused." in text(pilot)
        await pilot.press("j")
        await until(pilot, lambda: "Waiting: the message to bob" in text(pilot))
        await pilot.press("s")
        await until(pilot, lambda: "oldest first" in text(pilot))
        await until(pilot, lambda: next(iter(table(pilot).rows_shown.values())).sender == "alice@example.org")
        assert all(len(line) <= size[0] for line in text(pilot).splitlines())

    await on_screen(service, test, size)


async def test_find_as_you_type(service: Service) -> None:
    for name in ("ann", "bob", "cleo"):
        await service.wait(f"{name}@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_trace(pilot, 3)
        await pilot.press("slash", *"bo")
        await until(pilot, lambda: table(pilot).row_count == 1)
        assert pilot.app.screen.query_one(Input).has_focus
        await pilot.press(*"zz")
        await until(pilot, lambda: "Nothing is known of that." in text(pilot))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: table(pilot).row_count == 3)
        await pilot.press("slash", *"since:", "enter")
        assert pilot.app.screen.query_one(Input).has_focus  # to be mended
        await pilot.press(*"soon")
        await pilot.pause(0.5)
        assert "stale" not in text(pilot)
        await pilot.press("ctrl+u", *"since:1h @remote.test", "enter")
        await until(pilot, lambda: "filter: since:1h @remote.test" in text(pilot))
        assert table(pilot).row_count == 3

    await on_screen(service, test)


@pytest.mark.parametrize("size", SIZES)
async def test_a_story_step_by_step_and_its_sentence_copied(service: Service, size: tuple[int, int]) -> None:
    one = await service.wait("bob@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_trace(pilot, 1)
        await pilot.press("y")
        assert "alice@example.org to bob@remote.test. Waiting: the message to" in pilot.app.clipboard
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, StoryScreen) and "Accepted from" in text(pilot))
        assert one in text(pilot)
        await service.store.commit(
            lambda transaction: trace.add(
                transaction, "queue", "retried", message=ids.parse(one), recipient="bob@remote.test"
            )
        )
        await until(pilot, lambda: "Sent for again by hand" in text(pilot))
        steps = pilot.app.screen.query_one(Steps)
        assert steps.highlighted == 2  # it follows the last step, as it began there
        await pilot.press("k", "y")
        assert pilot.app.clipboard.endswith(" UTC. Accepted from alice@example.org.")
        await pilot.press("Y")
        assert len(pilot.app.clipboard.splitlines()) == 2
        await pilot.press("r")
        await pilot.pause(0.3)
        assert steps.highlighted == 1
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Trace))

    await on_screen(service, test, size)


async def test_what_the_checks_found_stands_under_the_step(service: Service) -> None:
    session = await refuse(service, "nobody@example.org")
    detail = {"checks": {"spf": "softfail"}, "helo": "mx.client.test"}
    await service.store.commit(
        lambda transaction: trace.add(
            transaction,
            "accept",
            "accepted",
            session=session,
            peer="192.0.2.9",
            sender="eve@client.test",
            detail=detail,
        )
    )

    async def test(pilot: Pilot[None]) -> None:
        await open_trace(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: "SPF: client.test would rather not have 192.0.2.9 send" in text(pilot))

    await on_screen(service, test)


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_words_are_shown_escaped(service: Service, size: tuple[int, int]) -> None:
    hostile = "\x1b]0;owned\x07\x9b31m\u202eevil[/nope]"
    await refuse(service, f"{hostile}@example.org", sender=f"{hostile}@client.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_trace(pilot, 1)
        await until(pilot, lambda: "\\x1b]0;owned" in text(pilot))
        assert text(pilot).replace("\n", "").isprintable()
        await pilot.press("y")
        assert pilot.app.clipboard.isprintable()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, StoryScreen) and "evil[/nope]" in text(pilot))
        assert text(pilot).replace("\n", "").isprintable()
        await pilot.press("Y")
        assert pilot.app.clipboard.isprintable()

    await on_screen(service, test, size)


async def test_nothing_yet_and_nobody_there(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_trace(pilot, 0)
        await until(pilot, lambda: "Nothing has happened yet" in text(pilot))
        await service.server.close()
        await until(pilot, lambda: "stale since" in text(pilot))
        await pilot.press("enter", "y", "s", "escape")

    await on_screen(service, test)
