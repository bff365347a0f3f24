"""A site whose service is down: commands work on its store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from backend import ids
from backend.address import parse
from backend.settings_file import load
from backend.store import messages
from backend.store.accounts import resolve
from backend.store.bodies import Body, Spool
from backend.store.database import Store
from backend.store.messages import Local, Message, Remote
from tests.harness.site import Site

Put = Callable[..., str]


@pytest.fixture(scope="session")
def idle_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for commands that change nothing, with the service down."""
    with Site(tmp_path_factory.mktemp("idle") / "site") as made:
        yield made


@pytest.fixture
def put(site: Site) -> Put:
    """`put(b"...", "a@remote.test", "alice@example.org")`: the queue id of that message, delivered or queued."""

    def accept(data: bytes, *recipients: str, sender: str = "bob@remote.test") -> str:
        store = Store.open(load(site.config).site.data)
        try:
            local: list[Local] = []
            remote: list[Remote] = []
            for one in recipients:
                address = parse(one)
                where = store.read(partial(resolve, address=address, separator="+", first_domain=site.domain))
                assert where is not None
                local += [Local(inbox, account, one) for inbox, account in where.local]
                remote += [Remote(there, there.rpartition("@")[2]) for there in where.remote]
            message = Message(ids.new(), sender, _body(store, data))
            store.write(lambda transaction: messages.accept(transaction, message, local, remote))
        finally:
            store.close()
        return ids.text(message.id)

    return accept


def _body(store: Store, data: bytes) -> Body:
    if len(data) <= 65_536:
        return Body(len(data), data=data)
    spool = Spool(store.folder)
    spool.write(data)
    return spool.finish()
