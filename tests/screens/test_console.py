"""Dashboard and queue as a person uses them: keys in, what stands on the screen out."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot

from backend import ids, site
from backend.config import Settings
from backend.management.client import Client
from backend.management.server import Server
from backend.management.snapshots.queue import QueueRow
from backend.settings_file import load
from backend.store import messages, queue
from backend.store.bodies import Body
from backend.store.database import Store
from backend.store.messages import Message, Remote
from backend.store.queue import Filter
from mailconsole.app import Console
from screens.confirm import Confirm
from screens.dashboard import Dashboard
from screens.entry import EntryScreen
from screens.help import Help
from screens.queue import Queue
from screens.widgets.table import Table

SIZES = [(80, 24), (160, 50)]
NO_DNS = '[dns]\nnameservers = ["127.0.0.1:9"]\ntimeout_seconds = 0.2\nlifetime_seconds = 0.3\n'  # a port of nobody's


class Service:
    """A site with a management server in this event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store.open(settings.site.data, settings.limits)
        self.server = Server(settings, self.store)

    @property
    def socket(self) -> Path:
        return self.settings.site.run / "management.sock"

    async def wait(self, *recipients: str, sender: str = "alice@example.org") -> str:
        """A message that waits for these; its id."""
        number = ids.new()
        body = Body(size=14, data=b"Subject: x\r\n\r\n")
        remote = [Remote(to, to.rpartition("@")[2]) for to in recipients]
        message = Message(number, sender, body)
        await self.store.commit(lambda transaction: messages.accept(transaction, message, remote=remote))
        return ids.text(number)

    def states(self) -> list[str]:
        """The states of all entries, oldest first."""
        return [entry.state for entry in self.store.read(lambda reader: queue.find(reader, Filter()))]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    made = site.init(tmp_path / "site", "mail.example.org", "example.org", 20_000)
    made.settings.write_text(f"{made.settings.read_text()}\n{NO_DNS}")
    found = Service(load(made.settings))
    await found.server.listen()
    yield found
    await found.server.close()
    found.store.close()


async def until(pilot: Pilot[None], what: Callable[[], object]) -> None:
    """Wait for the screen."""
    for _ in range(100):
        await pilot.pause(0.05)
        if what():
            return
    raise AssertionError(f"the screen never showed it; it shows:\n{text(pilot)}")


def text(pilot: Pilot[None]) -> str:
    """What stands on the screen."""
    return "\n".join("".join(part.text for part in line) for line in pilot.app.screen._compositor.render_strips())


def table(pilot: Pilot[None]) -> Table[QueueRow]:
    return pilot.app.screen.query_one(Table)


async def open_queue(pilot: Pilot[None], rows: int) -> None:
    await pilot.press("2")
    await until(pilot, lambda: isinstance(pilot.app.screen, Queue) and table(pilot).row_count == rows)


Test = Callable[[Pilot[None]], Awaitable[None]]


async def on_screen(service: Service, test: Test, size: tuple[int, int] = (80, 24)) -> None:
    """Run `test` on a console of this size; it must not crash."""
    app = Console(functools.partial(Client.connect, service.socket))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Dashboard))
        await test(pilot)
    assert not app.incident


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
