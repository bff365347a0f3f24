"""A store with a site in it, and ways to put mail into its queue and to call actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend import ids
from backend.config import Settings, Site
from backend.limits import Limits
from backend.management.codec import to_json
from backend.management.registry import find
from backend.management.roles import SYSADMIN, Caller
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
    limits = Limits(request_bytes=4_096, request_seconds=5, management_connections=3)
    return replace(Settings(), site=site, limits=limits)


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

    def call(name: str, _role: str = SYSADMIN, **arguments: Any) -> Any:
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
