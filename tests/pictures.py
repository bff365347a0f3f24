"""`make pictures`: an SVG of every screen, from the demonstration site with the mail that went through it.

A picture is written again only when more has changed in it than times, ids and figures, so that a second run leaves
the folder as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from backend.management import client
from backend.management.client import Client
from backend.settings_file import load
from mailconsole.app import Console
from screens.live import Live
from tests.harness.ports import free_base

FOLDER = Path(__file__).parents[1] / "screens" / "pictures"
SIZE = (100, 30)  # columns and lines: legible on a web page of 800 pixels, with room for what 80 columns leave out
_PATIENCE = 60.0  # seconds for the demonstration to send its mail
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


@dataclass(frozen=True)
class Picture:
    """`keys` lead to the screen from the dashboard, with `words` somewhere on it."""

    name: str
    keys: tuple[str, ...]
    words: str


PICTURES = (
    Picture("dashboard", (), "Destinations"),
    Picture("queue", ("2",), "archive@unreachable.test"),
    Picture("message", ("2", "G", "enter"), "Recipients"),
    Picture("rules", ("2", "R"), "phishing"),
    Picture("delete", ("2", "d"), "Hold instead"),
    Picture("trace", ("3",), "win@club.test"),
    Picture("story", ("3", "slash", *"busy", "enter", "enter"), "Accepted from"),
    Picture("accounts", ("4",), "one-time"),
    Picture("account", ("4", "slash", *"bob", "enter", "enter"), "App passwords"),
    Picture("vacation", ("4", "slash", *"carol", "enter", "enter", "v"), "is answered now"),
    Picture("operators", ("5",), "helpdesk"),
    Picture("audit", ("7",), "user.suspend"),
    Picture("deletions", ("U",), "queue entry"),
    Picture("settings", ("8",), "site.hostname"),
    Picture("lists", ("9",), "observatory.test"),
    Picture("decision", ("9", "G", "enter"), "127.0.0.26"),
    Picture("quarantine", ("I",), "encrypted"),
    Picture("quarantined", ("I", "enter"), "Headers"),
    Picture("dnslists", ("z",), "zen.spamhaus.org"),
    Picture("spam", ("S",), "in force"),
    Picture("dns", ("0",), "DKIM key"),
    Picture("authentication", ("V",), "DMARC fail"),
    Picture("viruses", ("X",), "of ours sent a virus"),
    Picture("alert", ("X", "G", "enter"), "yara: infected"),
    Picture("help", ("2", "question_mark"), "Release"),
)


def main() -> int:
    """Draw them all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, _site(Path(folder) / "site") as socket:
        _fill(socket)
        drawn = asyncio.run(_draw(socket))
    new = [name for name, svg in drawn.items() if _write(FOLDER / f"{name}.svg", svg)]
    for file in FOLDER.glob("*.svg"):
        if file.stem not in drawn:
            file.unlink()
            new.append(file.stem)
    print(f"{len(drawn)} pictures in {FOLDER}; changed: {', '.join(new) or 'none'}")
    return 0


@contextlib.contextmanager
def _site(folder: Path) -> Iterator[Path]:
    """The demonstration, once all of its mail has been through; the socket of its service."""
    command = [sys.executable, "-m", "mailconsole", "demo", str(folder), "--port-base", str(free_base())]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:  # it says its addresses when everything is sent
            if line.startswith("console"):
                break
        else:
            raise SystemExit("The demonstration did not start.")
        socket = load(folder / "mailconsole.toml").site.run / "management.sock"
        deadline = time.monotonic() + _PATIENCE
        while any(row["state"] in ("new", "active") for row in client.call(socket, "queue.list")["rows"]):
            if time.monotonic() > deadline:
                raise SystemExit("The mail of the demonstration does not come to rest.")
            time.sleep(0.2)
        yield socket
    finally:
        process.terminate()
        process.wait(60)


def _fill(socket: Path) -> None:
    """What people do in a day, done by the actions that they would do it with."""

    def act(name: str, /, **arguments: Any) -> Any:
        return client.call(socket, name, arguments)

    act("operator.add", name="paula", role="helpdesk")
    act("operator.add", name="otto", role="auditor")
    act("user.app-password-add", address="bob@example.org", name="phone")
    act("user.reset", address="alice@example.org", why="forgot it, asked in person")
    act("user.add", address="dave@example.org")
    act("user.suspend", address="dave@example.org", why="left the institute")
    act("user.add", address="guest@example.org")
    act("user.delete", address="guest@example.org", why="the visit is over")
    act(
        "vacation.set", address="carol@example.org", subject="Away until Monday",
        text="I am observing until Monday, and read my mail then.\n\nIn urgent cases: sales@example.org",
    )  # fmt: skip
    act("rule.add", sender="*@spam.test", reason="phishing for passwords", lasts=7 * 86_400)
    act("rule.add", recipient="list@partner.test", reason="a loop, since this morning")
    rows = act("queue.list")["rows"]
    act("queue.hold", ids=[row["id"] for row in rows if row["recipient"].startswith("editor@")], why="asked by carol")
    act("queue.delete", ids=[row["id"] for row in rows if row["recipient"].startswith("friend@")], why="no such domain")


async def _draw(socket: Path) -> dict[str, str]:
    """Each from a console of its own: nothing of one is left in another."""
    return {picture.name: await _one(socket, picture) for picture in PICTURES}


async def _one(socket: Path, picture: Picture) -> str:
    app = Console(functools.partial(Client.connect, socket))
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: _settled(app))
        for key in picture.keys:
            await pilot.press(key)
            await _until(pilot, lambda: _settled(app))
            await pilot.pause(0.3)
        await _until(pilot, lambda: picture.words in _text(app))
        svg = app.export_screenshot(title=f"Mailconsole: {picture.name}")
    assert not app.incident
    return _plain(svg, picture.name)


async def _until(pilot: Pilot[None], what: Callable[[], object]) -> None:
    for _ in range(100):
        if what():
            return
        await pilot.pause(0.1)
    raise SystemExit(f"It never came to be; the screen shows:\n{_text(pilot.app)}")


def _settled(app: Any) -> bool:
    """Whether the screen has its first answer."""
    return not isinstance(app.screen, Live) or app.screen.snapshot is not None


def _text(app: Any) -> str:
    return "\n".join("".join(part.text for part in line) for line in app.screen._compositor.render_strips())


def _plain(svg: str, name: str) -> str:
    """Without fonts from elsewhere, and with class names that stay the same."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("font-family: Fira Code, monospace", f"font-family: {_FONT}")
    return re.sub(r"terminal-\d+", name, svg)


def _write(file: Path, svg: str) -> bool:
    """Whether the picture is another one than that in the file; then it is in the file."""
    if file.exists() and _gist(file.read_text("utf-8")) == _gist(svg):
        return False
    file.write_text(svg, "utf-8")
    return True


def _gist(svg: str) -> list[str]:
    """What stands in a picture, without what is another at every run: ids, times, figures, curves."""
    words = re.findall(r"<text[^>]*>(.*?)</text>", svg)
    text = " ".join(words).replace("&#160;", " ")
    text = re.sub(r"\b(?=\w*\d)[0-9A-Z]{5,13}\b|<?[\w.]+@(mail\.)?example\.org(>|&gt;)", "#", text)
    text = re.sub(r"[▁-█━]+|(?<!\S)/[\w./…-]+", "", text)
    text = re.sub(r"(in )?\d[\d,.:]*( ?([kMG]?B|[dhms])\b)?( \d+[hms])?|\bnow\b", "#", text)
    return [word for word in text.split() if word.rpartition("=")[2] != "#"]


if __name__ == "__main__":
    sys.exit(main())
