"""What every test of a screen begins with: a site with a management server, and a console in a pilot's hands."""

from __future__ import annotations

import functools
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from backend import ids, site
from backend.config import Settings
from backend.management.client import Client
from backend.management.codec import to_json
from backend.management.registry import find
from backend.management.roles import SYSADMIN, Caller
from backend.management.server import Server
from backend.settings_file import load
from backend.store import messages, queue
from backend.store.bodies import Body
from backend.store.database import Store
from backend.store.messages import Message, Remote
from backend.store.queue import Filter
from mailconsole.app import Console
from screens.dashboard import Dashboard
from screens.widgets.table import Table
from tests.harness.waiting import LONG

NO_DNS = '[dns]\nnameservers = ["127.0.0.1:9"]\ntimeout_seconds = 0.2\nlifetime_seconds = 0.3\n'  # a port of nobody's
SIZES = [(80, 24), (160, 50)]
_BODY = b"Subject: x\r\n\r\n"


class Service:
    """A site with a management server in this event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store.open(settings.site.data, settings.limits)
        self.server = Server(settings, self.store)
        self.held: list[socket.socket] = []  # connections of other sessions

    def act(self, name: str, /, **arguments: Any) -> Any:
        """Do an action, as the console or the command line would."""
        return to_json(find(name)(self.store, self.settings, Caller("olga", SYSADMIN, "test"), arguments))

    @property
    def socket(self) -> Path:
        return self.settings.site.run / "management.sock"

    async def wait(self, *recipients: str, sender: str = "alice@example.org", body: bytes = _BODY) -> str:
        """A message that waits for these; its id."""
        number = ids.new()
        remote = [Remote(to, to.rpartition("@")[2]) for to in recipients]
        message = Message(number, sender, Body(size=len(body), data=body))
        await self.store.commit(lambda transaction: messages.accept(transaction, message, remote=remote))
        return ids.text(number)

    def states(self) -> list[str]:
        """The states of all entries, oldest first."""
        return [entry.state for entry in self.store.read(lambda reader: queue.find(reader, Filter()))]


@pytest.fixture(scope="session")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that nobody has used: keys and passwords are made once."""
    folder = tmp_path_factory.mktemp("screens") / "site"
    made = site.init(folder, "mail.example.org", "example.org", 20_000)
    made.settings.write_text(f"{made.settings.read_text()}\n{NO_DNS}")
    return folder


@pytest.fixture
async def service(tmp_path: Path, new_site: Path) -> AsyncIterator[Service]:
    """A new site with its management server, in this event loop."""
    folder = tmp_path / "site"
    shutil.copytree(new_site, folder)
    found = Service(load(folder / site.SETTINGS))
    await found.server.listen()
    yield found
    for connection in found.held:
        connection.close()
    await found.server.close()
    found.store.close()


async def until(pilot: Pilot[None], what: Callable[[], object]) -> None:
    """Wait for the screen."""
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        if what():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"the screen never showed it; it shows:\n{text(pilot)}")


def text(pilot: Pilot[None]) -> str:
    """What stands on the screen."""
    return "\n".join("".join(part.text for part in line) for line in pilot.app.screen._compositor.render_strips())


def table(pilot: Pilot[None]) -> Table[Any]:
    """The table of the list that is in front."""
    return pilot.app.screen.query_one(Table)


def said(pilot: Pilot[None]) -> str:
    """The notices: a pilot's console keeps them, and does not draw them."""
    return "\n".join(notice.message for notice in pilot.app._notifications)


Test = Callable[[Pilot[None]], Awaitable[None]]


async def on_screen(service: Service, test: Test, size: tuple[int, int] = (80, 24)) -> None:
    """Run `test` on a console of this size; it must not crash."""
    app = Console(functools.partial(Client.connect, service.socket))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Dashboard))
        await test(pilot)
    assert not app.incident
