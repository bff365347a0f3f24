"""What the console draws, and what it leaves alone: that is what a session costs."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import termios
import threading
import time
from collections import Counter
from typing import Any

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import events
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.widget import Widget

from mailconsole.app import TABS, Console
from mailconsole.driver import Driver
from mailconsole.stylesheet import Styles
from screens.live import Live
from screens.widgets.keys import Keys
from screens.widgets.likeness import likeness
from screens.widgets.sheet import Entry, Sheet
from tests.screens.conftest import Service, on_screen, text, until


@pytest.mark.parametrize("tab", TABS[:4], ids=lambda tab: tab.name)
async def test_an_answer_without_news_draws_only_the_time(
    service: Service, monkeypatch: pytest.MonkeyPatch, tab: Any
) -> None:
    drawn: Counter[str] = Counter()
    refresh = Widget.refresh

    def counted(self: Widget, *regions: Any, repaint: bool = True, **options: Any) -> Any:
        if repaint:
            drawn[type(self).__name__] += 1
        return refresh(self, *regions, repaint=repaint, **options)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press(tab.key)
        await until(pilot, lambda: isinstance(pilot.app.screen, Live) and pilot.app.screen.snapshot is not None)
        await pilot.pause(0.5)
        screen = pilot.app.screen
        assert isinstance(screen, Live)
        for _ in range(10):  # until all that was new has been drawn
            drawn.clear()
            monkeypatch.setattr(Widget, "refresh", counted)
            screen.post_message(screen.Fresh(screen.snapshot))
            await pilot.pause(0.2)
            monkeypatch.setattr(Widget, "refresh", refresh)
            if set(drawn) <= {"Title"}:
                break
        assert set(drawn) <= {"Title"}

    await on_screen(service, test)


def test_likeness() -> None:
    def table(word: str, style: str = "red") -> Table:
        made = Table(box=None)
        made.add_column("a", width=3)
        made.add_row(Text(word, style=style))
        return made

    assert likeness(Text("a", "red")) == likeness(Text("a", "red"))
    assert likeness(Text("a", "red")) != likeness(Text("a", "blue"))
    assert likeness(Text.assemble(("a", "red"), "b")) != likeness(Text("ab"))
    assert likeness(Group(table("x"), "y")) == likeness(Group(table("x"), "y"))
    assert likeness(table("x")) != likeness(table("z"))
    assert likeness(table("x")) != likeness(table("x", "blue"))
    assert likeness(object()) != likeness(object())  # type: ignore[arg-type]


async def test_other_colours_reach_all_that_is_drawn(service: Service) -> None:
    """Also a screen that was not in front, one that comes later, and the keys at the bottom."""

    def ground(pilot: Pilot[None]) -> str:
        return pilot.app.screen.styles.background.hex

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("4", "1")
        await pilot.pause(0.3)
        dark = ground(pilot)
        before = likeness(pilot.app.screen.query_one(Keys).render())
        await pilot.press("T")
        await until(pilot, lambda: ground(pilot) != dark)
        light = ground(pilot)
        assert likeness(pilot.app.screen.query_one(Keys).render()) != before
        for key in ("4", "2"):
            await pilot.press(key)
            await until(pilot, lambda: ground(pilot) == light)

    await on_screen(service, test)


async def test_a_click_on_a_key_presses_it(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "? Help" in text(pilot))
        column = pilot.app.screen.query_one(Keys).render().plain.index("? Help")
        await pilot.click(Keys, offset=(column, 0))
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Help")

    await on_screen(service, test)


def test_styles_are_those_of_the_toolkit() -> None:
    css = "Label { color: $primary; &:hover { background: red 20%; } } Label.-x Static { width: 1fr; }"
    for colour in ("#112233", "#445566"):
        ours, theirs = Styles(variables={"primary": colour}), Stylesheet(variables={"primary": colour})
        for sheet in (ours, theirs):
            sheet.add_source(css, read_from=("a", "b"), is_default_css=True, tie_breaker=3, scope="Screen")
        assert ours.css == theirs.css
        assert [rule.is_default_rules for rule in ours.rules] == [rule.is_default_rules for rule in theirs.rules]
    ours.set_variables({"primary": "#778899"})
    ours.reparse()
    theirs.set_variables({"primary": "#778899"})
    theirs.reparse()
    assert ours.css == theirs.css
    assert "#778899" in ours.css


def test_a_sheet_wraps_and_keeps_the_styles() -> None:
    words = (("one two ", "red"), ("three four", "blue"))
    sheet = Sheet([[Entry(("k", "bold"), words), Entry(("long", ""))]], width=16)
    lines = ["".join(segment.text for segment in line).rstrip() for line in sheet._lines]
    assert lines == ["k     one two", "      three four", "long"]
    colours = [str(segment.style) for segment in sheet._lines[1] if segment.text.strip()]
    assert colours == ["blue"]


async def test_an_escape_is_a_key_at_once_and_a_sequence_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real terminal, and the thread ends when it shall, though nothing is typed."""
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    modes[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    with open(theirs, "rb", closefd=False) as terminal:
        monkeypatch.setattr(sys, "__stdin__", terminal)
        driver = Driver(Console(None))  # type: ignore[arg-type]
        came: list[tuple[str, float]] = []

        def process(message: object) -> None:
            if isinstance(message, events.Key):
                came.append((message.key, time.monotonic()))

        monkeypatch.setattr(driver, "process_message", process)
        thread = threading.Thread(target=driver.run_input_thread)
        thread.start()
        for typed, key in ((b"\x1b", "escape"), (b"\x1b[A", "up"), ("ñ".encode(), "ñ"), (b"\x1b", "escape")):
            os.write(ours, typed)
            for _ in range(3_000):
                if came:
                    break
                await asyncio.sleep(0.01)
            assert len(came) == 1
            assert came.pop()[0] in (key, "n_tilde", "latin_small_letter_n_with_tilde")
        driver.exit_event.set()
        thread.join(60)
        assert not thread.is_alive()
        driver.exit_event.clear()
    os.close(ours)
    os.close(theirs)
