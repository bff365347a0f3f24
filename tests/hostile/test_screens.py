"""Every screen on a store full of hostile text: what is drawn holds nothing for a terminal to obey."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from backend.management.client import Client
from backend.management.server import Server
from backend.settings_file import load
from backend.store.database import Store
from mailconsole.app import TABS, Console
from tests.hostile.corpus import CORPUS, dirt
from tests.hostile.poison import poison
from tests.hostile.site import Site, populated
from tests.screens.conftest import until

TEXT = "".join(text for name, text in CORPUS.items() if name != "long")
SIZES = [(80, 24), (160, 50)]


@pytest.fixture(scope="module", params=["all", "long"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    text = TEXT if request.param == "all" else CORPUS["long"][:20_000]
    found = populated(tmp_path_factory.mktemp("screens") / "site", text)
    poison(found.data, text)
    return found


@pytest.fixture
async def console(site: Site) -> AsyncIterator[Console]:
    settings = load(site.config)
    store = Store.open(settings.site.data)
    server = Server(settings, store)
    await server.listen()
    yield Console(lambda: Client.connect(settings.site.run / "management.sock"))
    await server.close()
    store.close()


def _drawn(pilot: Pilot[None]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def _clean(pilot: Pilot[None], where: str) -> None:
    await pilot.pause(0.25)  # not until all workers are done: one of them waits for the answer to a dialog
    found = dirt(_drawn(pilot))
    assert not found, f"{where}: {found}"


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_screen_and_what_lies_behind_it(console: Console, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        for tab in TABS:
            await pilot.press(tab.key)
            await _clean(pilot, tab.name)
            await pilot.press("question_mark")
            await _clean(pilot, f"help of {tab.name}")
            await pilot.press("escape", "enter")
            await _clean(pilot, f"behind {tab.name}")
            for key in ("v", "H") if len(console.screen_stack) > 1 else ():
                depth = len(console.screen_stack)
                await pilot.press(key)
                await _clean(pilot, f"{key} behind {tab.name}")
                if len(console.screen_stack) > depth:
                    await pilot.press("escape")
            await pilot.press("escape")
        assert console.incident == ""


DEEPER = (
    ("S",),
    ("S", "left", "t"),
    ("S", "m"),
    ("S", "m", "G", "enter"),
    ("S", *["left"] * 6, "c"),
    ("S", "f"),
    ("S", "f", "enter"),
    ("2", "R"),
    ("2", "R", "d"),
    ("2", "enter", "H"),
    ("2", "enter", "o", "x", "enter"),
    ("U",),
    ("U", "enter"),
    ("I",),
    ("I", "enter"),
    ("I", "l"),
    ("I", "enter", "d"),
    ("7", "enter"),
    ("4", "enter", "v", "ctrl+t"),
    ("X", "G", "enter"),
    ("X", "g", "j", "c"),
    ("X", "g", "j", "c", "x", "enter"),
)


async def test_what_lies_deeper(console: Console) -> None:
    async with console.run_test(size=(80, 24)) as pilot:
        for keys in DEEPER:
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.1)
                await until(pilot, lambda: getattr(pilot.app.screen, "snapshot", "") is not None)
            await _clean(pilot, " ".join(keys))
            depth = len(console.screen_stack)
            assert depth > 1, f"{keys} led nowhere"
            for _ in range(depth):
                await pilot.press("escape")
        assert console.incident == ""


async def test_dns_lists_and_one_of_them(console: Console) -> None:
    async with console.run_test(size=(80, 24)) as pilot:
        await pilot.press("z")
        await _clean(pilot, "DNS lists")
        await pilot.press("G", "enter")
        await _clean(pilot, "a DNS list")
        assert console.incident == ""


async def test_dialogs(console: Console) -> None:
    async with console.run_test(size=(80, 24)) as pilot:
        for tab, keys in (
            ("2", ("d", "escape")),
            ("4", ("d", "escape")),
            ("4", ("P", "escape")),
            ("9", ("d", "escape")),
            ("9", ("e", "escape")),
        ):
            await pilot.press(tab)
            await _clean(pilot, tab)
            await pilot.press(keys[0])
            await _clean(pilot, f"dialog of {tab}")
            await pilot.press(*keys[1:])
        assert console.incident == ""


def test_the_raw_bytes_of_a_terminal(site: Site, tmp_path: Path) -> None:
    """What the program writes, not what the toolkit thinks it draws: only sequences that it makes itself."""
    import re
    import sys

    import pexpect

    command = ["-m", "mailconsole", "--config", str(site.config)]
    service = pexpect.spawn(sys.executable, [*command, "serve"], encoding=None, timeout=90)
    try:
        socket = load(site.config).site.run / "management.sock"
        for _ in range(600):
            if socket.exists():
                break
            asyncio.run(asyncio.sleep(0.1))
        terminal = {**os.environ, "TERM": "xterm-256color"}
        child = pexpect.spawn(
            sys.executable, [*command, "console"], encoding=None, timeout=90, dimensions=(24, 80), env=terminal
        )
        child.expect(b"Dashboard")
        seen = b""
        for key in b"234567890X":
            child.send(bytes([key]))
            for _ in range(20):
                try:
                    seen += child.read_nonblocking(65_536, timeout=0.15)
                except pexpect.TIMEOUT:
                    break
        child.send(b"q")
        child.close(force=True)
    finally:
        service.close(force=True)
    text = seen.decode("utf-8", "replace")
    for intruder in ("\x1b]0;", "\x1b]52", "\x1b]8;", "\x1bP$q", "\x9b", "\x90", "\x0e", "\u202e", "\u200b", "\ufeff"):
        assert intruder not in text
    own = re.sub(r"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b[=>]|\r|\n|\x1b\](1[01];\?|22;[a-z-]*)\x07", "", text)
    assert not dirt(own), dirt(own)
