"""A store with a site in it, and ways to put mail into its queue and to call actions."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend import ids
from backend.config import Dns, HostPort, Settings, Site
from backend.limits import Limits
from backend.management.codec import to_json
from backend.management.registry import find
from backend.management.roles import SYSADMIN, Caller
from backend.management.server import Server
from backend.store import messages
from backend.store.accounts import found_site
from backend.store.bodies import Body
from backend.store.database import Store
from backend.store.messages import Message, Remote

Act = Callable[..., Any]
Enqueue = Callable[..., str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a site in tmp_path."""
    for name in ("data", "run"):
        (tmp_path / name).mkdir(mode=0o700)
    site = Site(hostname="mail.example.org", domain="example.org", data=tmp_path / "data", run=tmp_path / "run")
    limits = Limits(request_bytes=4_096, request_seconds=30, management_connections=3)
    nobody = Dns((HostPort("127.0.0.1", 9),), timeout_seconds=0.2, lifetime_seconds=0.3)  # a port of nobody's
    return replace(Settings(), site=site, limits=limits, dns=nobody)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A new store with example.org and its postmaster."""
    Store.create(settings.site.data)
    opened = Store.open(settings.site.data, settings.limits)
    opened.write(lambda transaction: found_site(transaction, "example.org"))
    yield opened
    opened.close()


@pytest.fixture
def act(store: Store, settings: Settings) -> Act:
    """`act("queue.hold", ids=[...])`: the answer as JSON. `_role` is the caller's."""

    def call(name: str, /, _role: str = SYSADMIN, **arguments: Any) -> Any:
        return to_json(find(name)(store, settings, Caller("tester", _role, "test"), arguments))

    return call


@pytest.fixture
def enqueue(store: Store) -> Enqueue:
    """`enqueue("a@remote.test", "b@elsewhere.test")`: the queue id of a message to them."""

    def put(*recipients: str, sender: str = "alice@example.org", size: int = 4) -> str:
        message = Message(ids.new(), sender, Body(size, data=b"x" * size), message_id="<one@example.org>")
        remote = [Remote(one, one.rpartition("@")[2]) for one in recipients]
        store.write(lambda transaction: messages.accept(transaction, message, remote=remote))
        return ids.text(message.id)

    return put


@pytest.fixture
def path(settings: Settings, store: Store) -> Iterator[Path]:
    """The socket of a server that runs in a thread with an event loop of its own; nothing may reach its loop's
    handler of last resort.
    """
    running: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = queue.SimpleQueue()
    unhandled: list[str] = []

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.set_exception_handler(lambda _, context: unhandled.append(str(context)))
        own = Store.open(settings.site.data, settings.limits)  # for this loop, as the role opens it
        server = Server(settings, own)
        await server.listen()
        running.put((loop, stop))
        await stop.wait()
        await server.close()
        own.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    loop, stop = running.get(timeout=60)
    yield settings.site.run / "management.sock"
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    assert not thread.is_alive()
    assert unhandled == []


class Line:
    """A connection on which a test writes what it likes."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        """These bytes."""
        self.socket.sendall(data)

    def answer(self) -> Any:
        """The next line; None at the end."""
        line = self._file.readline()
        return json.loads(line) if line else None

    def ask(self, data: bytes) -> Any:
        """A line and its answer."""
        self.send(data + b"\n")
        return self.answer()

    def call(self, method: str, **params: Any) -> Any:
        """The whole answer to a call: it has `result` or `error`."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.ask(json.dumps(request).encode())

    def bind(self, operator: str, *, session: str = "", key: str | None = None, kind: str = "console") -> Any:
        """Become an operator, as the SSH server does it for one who has logged in."""
        who = {"operator": operator, "key": key, "origin": "ssh 192.0.2.7:50022"}
        return self.call("gate.bind", **who, kind=kind, session=session or f"session-of-{operator}")
