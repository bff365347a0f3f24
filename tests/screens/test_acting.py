"""What every list shares: work in pieces that can be stopped, rights that are said, colours, tabs."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from backend.management import peers
from backend.management.roles import HELPDESK, Caller
from backend.store import queue
from backend.store.queue import Filter
from screens.ask import Ask, Field
from screens.colours import THEMES, ink
from screens.confirm import Confirm
from screens.queue import Queue
from tests.screens.conftest import Service, on_screen, said, table, text, until
from tests.screens.test_console import open_queue


async def test_long_work_is_stopped_by_escape_and_undone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await service.wait(*(f"p{number}@remote.test" for number in range(100)))

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 200)
        await pilot.press("asterisk")
        await until(pilot, lambda: len(table(pilot).marks) == 300)
        screen = pilot.app.screen
        assert isinstance(screen, Queue)
        call = screen.link.call

        pieces, go_on = itertools.count(1), asyncio.Event()

        async def slow(name: str, arguments: dict[str, Any] | None = None) -> Any:
            if name == "queue.hold" and next(pieces) == 2:
                await go_on.wait()
            return await call(name, arguments)

        monkeypatch.setattr(screen.link, "call", slow)
        await pilot.press("h")
        await until(pilot, lambda: "100 of 300" in text(pilot))
        await pilot.press("escape")
        go_on.set()
        await until(pilot, lambda: "stopped there" in said(pilot))
        assert service.states().count("held") == 200
        await pilot.press("u")
        await until(pilot, lambda: service.states().count("held") == 0)

    await on_screen(service, test)


def here(pilot: Pilot[None]) -> list[str]:
    """The recipients on the screen, from above."""
    return [row.recipient for row in table(pilot).rows_shown.values()]


def waiting(service: Service) -> list[str]:
    """The recipients in the queue."""
    return [entry.recipient for entry in service.store.read(lambda reader: queue.find(reader, Filter()))]


async def confirm_delete(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    await pilot.click("#way-1")
    await until(pilot, lambda: isinstance(pilot.app.screen, Queue))


async def test_what_was_under_the_cursor_is_meant_though_another_is_there_now(service: Service) -> None:
    first = await service.wait("first@remote.test")
    await service.wait("second@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 2)
        await pilot.press("s")
        await until(pilot, lambda: here(pilot) == ["second@remote.test", "first@remote.test"])
        await pilot.press("G", "d")
        await until(pilot, lambda: "first@remote.test" in text(pilot) and isinstance(pilot.app.screen, Confirm))
        service.act("queue.delete", ids=[f"{first}-1"])  # by somebody else, while the dialog is open
        await service.wait("third@remote.test")
        behind = pilot.app.screen_stack[-2]
        assert isinstance(behind, Queue)
        behind.action_refresh()
        await until(pilot, lambda: "third@remote.test" in [row.recipient for row in behind.table.rows_shown.values()])
        current = behind.table.current
        assert current is not None
        assert current.recipient == "second@remote.test"  # it stands where the other one stood
        assert "first@remote.test" in text(pilot)
        await confirm_delete(pilot)
        await until(pilot, lambda: said(pilot) != "")
        assert waiting(service) == ["second@remote.test", "third@remote.test"]

    await on_screen(service, test)


async def test_the_marked_rows_of_the_dialog_are_meant_and_no_other(service: Service) -> None:
    ids = [await service.wait(f"p{number}@remote.test") for number in range(4)]

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 4)
        await pilot.press("space", "space", "space", "d")  # the first three
        await until(pilot, lambda: "these 3 entries" in text(pilot))
        service.act("queue.delete", ids=[f"{ids[1]}-1"])
        await service.wait("new@remote.test")
        behind = pilot.app.screen_stack[-2]
        assert isinstance(behind, Queue)
        behind.action_refresh()
        await until(pilot, lambda: len(behind.table.rows_shown) == 4)
        await confirm_delete(pilot)
        await until(pilot, lambda: "2 entries deleted; 1 left alone" in said(pilot))
        assert waiting(service) == ["p3@remote.test", "new@remote.test"]

    await on_screen(service, test)


async def test_mail_that_comes_in_above_moves_no_deed_to_another_row(service: Service) -> None:
    await service.wait("a@remote.test")
    await service.wait("b@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 2)
        await pilot.press("s")
        await until(pilot, lambda: here(pilot) == ["b@remote.test", "a@remote.test"])
        await pilot.press("g")
        await service.wait("c@remote.test", "d@remote.test")
        await pilot.press("r")
        await until(pilot, lambda: len(here(pilot)) == 4)
        await pilot.press("h")
        await until(pilot, lambda: "held" in service.states())
        held = [row.recipient for row in service.store.read(lambda reader: queue.find(reader, Filter(state="held")))]
        assert held == ["b@remote.test"]

    await on_screen(service, test)


async def test_what_the_role_may_not_do_is_dim_and_says_why(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "local_caller", lambda pid, uid, way: Caller("paula", HELPDESK, way))
    await service.wait("a@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        await pilot.press("d")
        await until(pilot, lambda: "This needs the role postmaster" in said(pilot))
        assert service.states() == ["new"]

    await on_screen(service, test)


async def test_colours_change_at_a_key(service: Service) -> None:
    await service.wait("a@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        for name in ("light", "contrast", "dark"):
            await pilot.press("T")
            await until(pilot, lambda name=name: pilot.app.theme == name and ink == THEMES[name])  # type: ignore[misc]
            assert "a@remote.test" in text(pilot)

    await on_screen(service, test)


async def test_fields_are_filled_in_one_by_one(service: Service) -> None:
    fields = (Field("address", "Address"), Field("size", "Size", "a whole number", make=int))
    answers: list[dict[str, str] | None] = []

    async def test(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(Ask("Add an account", fields), answers.append)
        await pilot.press("enter")
        assert "Address is still to be filled in." in text(pilot)
        await pilot.press(*"bob", "enter", *"many", "enter")
        assert "Size: a whole number" in text(pilot)
        pilot.app.screen.query_one("#field-size", Input).value = "7"
        await pilot.press("enter")
        await until(pilot, lambda: answers == [{"address": "bob", "size": "7"}])

    await on_screen(service, test)
