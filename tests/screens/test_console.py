"""Dashboard and queue as a person uses them: keys in, what stands on the screen out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from backend.management.server import Server
from backend.store import queue
from backend.store.queue import Filter
from screens.confirm import Confirm
from screens.entry import EntryScreen
from screens.help import Help
from screens.queue import Queue
from tests.screens.conftest import SIZES, Service, on_screen, table, text, until


async def open_queue(pilot: Pilot[None], rows: int) -> None:
    await pilot.press("2")
    await until(pilot, lambda: isinstance(pilot.app.screen, Queue) and table(pilot).row_count == rows)


@pytest.mark.parametrize("size", SIZES)
async def test_dashboard(service: Service, size: tuple[int, int]) -> None:
    await service.wait("a@remote.test", "b@remote.test", "c@other.test")

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "remote.test" in text(pilot))
        shown = text(pilot)
        for words in ("accepted", "rejected", "bounced", "other.test", "mail.example.org", "free", "1 Dashboard"):
            assert words in shown
        assert all(len(line) <= size[0] for line in shown.splitlines())

    await on_screen(service, test, size)


@pytest.mark.parametrize("size", SIZES)
async def test_queue_filter_and_sort(service: Service, size: tuple[int, int]) -> None:
    await service.wait(*(f"p{number}@remote.test" for number in range(5)))
    await service.wait("q@other.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 6)
        await pilot.press("slash", *"nonsense:1", "enter")
        assert table(pilot).row_count == 6
        await pilot.press("escape", "slash", *"domain:other.test", "enter")
        await until(pilot, lambda: table(pilot).row_count == 1)
        assert "filter: domain:other.test" in text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: table(pilot).row_count == 6)
        await pilot.press("s")
        await until(pilot, lambda: next(iter(table(pilot).rows_shown.values())).recipient == "q@other.test")
        assert "newest first" in text(pilot)

    await on_screen(service, test, size)


async def test_marks_and_cursor_stay(service: Service) -> None:
    first = await service.wait("first@remote.test")
    await service.wait("second@remote.test")
    await service.wait("third@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 3)
        await pilot.press("j", "space")  # marks the second, moves to the third
        rows = [entry.row for entry in service.store.read(lambda reader: queue.entries(reader, [first]))]
        await service.store.commit(lambda transaction: queue.delete(transaction, rows))
        await pilot.press("r")
        await until(pilot, lambda: table(pilot).row_count == 2)
        assert [row.recipient for row in table(pilot).marks.values()] == ["second@remote.test"]
        current = table(pilot).current
        assert current is not None
        assert current.recipient == "third@remote.test"

    await on_screen(service, test)


async def test_hold_undo_and_retry(service: Service) -> None:
    await service.wait("a@remote.test", "b@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 2)
        await pilot.press("asterisk")
        await until(pilot, lambda: len(table(pilot).marks) == 2)
        await pilot.press("h")
        await until(pilot, lambda: service.states() == ["held", "held"])
        await until(pilot, lambda: not table(pilot).marks)
        await pilot.press("u")
        await until(pilot, lambda: service.states() == ["new", "new"])

    await on_screen(service, test)


async def test_delete_asks_with_cancel_in_focus(service: Service) -> None:
    await service.wait("a@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        for key in ("enter", "escape"):
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            assert "a@remote.test" in text(pilot)
            focused = pilot.app.screen.focused
            assert focused is not None
            assert focused.id == "cancel"
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, Queue))
            assert service.states() == ["new"]
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.click("#way-1")
        await until(pilot, lambda: service.states() == [])

    await on_screen(service, test)


async def test_entry_help_and_palette(service: Service) -> None:
    await service.wait("a@remote.test", "b@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 2)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryScreen) and "accepted accept" in text(pilot))
        assert "b@remote.test" in text(pilot)
        await pilot.press("escape", "question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))
        assert "Release" in text(pilot)
        await pilot.press("escape", "colon")
        await until(pilot, lambda: "Refresh" in text(pilot))
        assert "Screenshot" not in text(pilot)
        await pilot.press("escape")

    await on_screen(service, test)


async def test_stale_and_back(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await service.server.close()
        await until(pilot, lambda: "stale since" in text(pilot))
        again = Server(service.settings, service.store)
        await again.listen()
        await until(pilot, lambda: "stale since" not in text(pilot))
        await again.close()

    await on_screen(service, test)


NASTY: Sequence[str] = ("[/nope]@remote.test", "a\u202eb@remote.test", "x" * 200 + "@remote.test")


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_text_is_shown_escaped(service: Service, size: tuple[int, int]) -> None:
    await service.wait(*NASTY, sender="[bold red]\x1b[2J\u202e@evil.test")

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "remote.test" in text(pilot))
        await open_queue(pilot, len(NASTY))
        assert "[/nope]@remote.test" in text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryScreen) and "\\x1b[2J" in text(pilot))
        assert "\x1b" not in text(pilot)
        assert "\u202e" not in text(pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        assert "[bold red]" in text(pilot)
        await pilot.press("escape")

    await on_screen(service, test, size)


async def test_problems_come_first_and_lead_to_where_they_are_seen_to(service: Service) -> None:
    await service.wait("a@remote.test", "b@other.test")
    held = service.store.read(lambda reader: queue.rows_of(reader, Filter(domain="remote.test")))
    await service.store.commit(lambda transaction: queue.hold(transaction, held))

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "1 entry is held." in text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "filter: state:held" in text(pilot))
        await until(pilot, lambda: "a@remote.test" in text(pilot) and "b@other.test" not in text(pilot))

    await on_screen(service, test)
