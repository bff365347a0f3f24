"""A store, a queue runner and a notifier: what the tests of delivery post their messages with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

from backend import ids
from backend.address import Address
from backend.config import Delivery, Dns, HostPort, Relay, Route, Settings, Site
from backend.delivery.notifier import Notifier
from backend.delivery.runner import Runner
from backend.store import accounts, mailboxes, messages, queue
from backend.store.bodies import Body, Spool
from backend.store.database import Store
from backend.store.messages import Message, Remote
from backend.store.queue import Entry
from tests.harness.waiting import LONG

T = TypeVar("T")

ALICE = "alice@example.org"
TEXT = b"Subject: test\r\nMessage-ID: <1@client.test>\r\n\r\nhello\r\n"
QUICK = Delivery(
    retry_first=300,
    connect_timeout=60,
    command_timeout=60,
    data_timeout=60,
    idle_connection=1,
    lease=60,
    delay_notice=0,
)
IMPATIENT: dict[str, Any] = {
    "connect_timeout": 1,
    "command_timeout": 1,
    "data_timeout": 1,
}  # where a host says nothing on purpose


def host_port(text: str) -> HostPort:
    """`127.0.0.1:25`."""
    host, _, port = text.rpartition(":")
    return HostPort(host, int(port))


class Post:
    """One delivery process without the process. `settings` may be replaced before it is entered."""

    def __init__(
        self,
        folder: Path,
        *,
        smarthost: str = "",
        nameserver: str = "",
        routes: Mapping[str, str] = MappingProxyType({}),
        **changes: Any,
    ) -> None:
        self.settings = Settings(
            site=Site(hostname="mail.example.org", domain="example.org", data=folder / "data", run=folder),
            relay=Relay(
                smarthost=host_port(smarthost) if smarthost else None,
                route=tuple(Route(domain, host_port(to)) for domain, to in routes.items()),
            ),
            dns=Dns((host_port(nameserver),) if nameserver else (), timeout_seconds=10.0, lifetime_seconds=20.0),
            delivery=replace(QUICK, **changes),
        )

    async def __aenter__(self) -> Self:
        data = self.settings.site.data
        Store.create(data)
        self.store = Store.open(data)

        def found(transaction: Any) -> None:
            accounts.found_site(transaction, "example.org")
            accounts.add_account(transaction, Address("alice", "example.org"), None)

        await self.store.commit(found)
        self.told = asyncio.Event()
        self.stopping = asyncio.Event()
        self.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.stop()
        self.store.close()

    def start(self) -> None:
        """Run a new runner and a new notifier."""
        self.stopping.clear()
        self.runner = Runner(self.settings, self.store, self.told)
        self.notifier = Notifier(self.settings, self.store, self.told, self.runner.wake)
        self._tasks = [asyncio.create_task(self.runner.run(self.stopping)), asyncio.create_task(self.notifier.run())]

    async def stop(self) -> None:
        """SIGTERM."""
        self.stopping.set()
        await self._tasks[0]
        self._tasks[1].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- posting and looking

    async def send(self, *recipients: str | Remote, sender: str = ALICE, text: bytes = TEXT, **more: Any) -> int:
        """A message; its id."""
        return await self.accept(Body(size=len(text), data=text), *recipients, sender=sender, **more)

    async def accept(self, body: Body, *recipients: str | Remote, sender: str = ALICE, **more: Any) -> int:
        """The same with a body of one's own."""
        remote = [to if isinstance(to, Remote) else Remote(to, to.rpartition("@")[2]) for to in recipients]
        message = Message(ids.new(), sender, body, message_id="<1@client.test>", **more)
        await self.store.commit(lambda transaction: messages.accept(transaction, message, (), remote))
        self.runner.wake.set()
        return message.id

    def large(self, size: int, line: bytes = b"x" * 70 + b"\r\n") -> Body:
        """A body that is a file."""
        spool = Spool(self.store.folder)
        spool.write(TEXT)
        for _ in range(size // len(line)):
            spool.write(line)
        return spool.finish()

    def entries(self, message: int | None = None) -> list[Entry]:
        """The queue, or a message's part of it."""
        return self.store.read(lambda reader: queue.find(reader, queue.Filter(message=message)))

    async def tried(self, message: int, attempts: int = 1) -> list[Entry]:
        """The entries of a message once each has been tried so often and waits."""

        def done() -> list[Entry]:
            found = self.entries(message)
            return found if found and all(e.attempts >= attempts and e.lease is None for e in found) else []

        return await until(done, "tried")

    async def gone(self, message: int | None = None) -> None:
        """Return when the queue has nothing of the message (nothing at all)."""
        await until(lambda: not self.entries(message), "gone from the queue")

    async def gone_but(self, message: int) -> None:
        """Return when the queue has nothing else than this message."""
        await until(lambda: {entry.message for entry in self.entries()} == {message}, "all others gone")

    async def retry(self, message: int) -> None:
        """As a person would: now."""
        rows = [entry.row for entry in self.entries(message)]
        await self.store.commit(lambda transaction: queue.retry(transaction, rows))
        self.runner.wake.set()

    async def age(self, message: int, seconds: float) -> None:
        """Make a message older, and due."""
        rows = [entry.row for entry in self.entries(message)]

        def change(transaction: Any) -> None:
            transaction.execute("UPDATE queue SET received = received - ? WHERE message = ?", (seconds, message))
            queue.retry(transaction, rows)

        await self.store.commit(change)
        self.runner.wake.set()

    def inbox(self, user: str = "alice") -> list[bytes]:
        """What has been delivered to somebody at home."""

        def read(reader: Any) -> list[bytes]:
            account = accounts.account(reader, f"{user}@example.org")
            assert account is not None
            boxes = mailboxes.mailboxes_of(reader, account.id)
            return [body.whole() for _, body in mailboxes.bodies_of(reader, self.store.folder, boxes[0].id, 0)]

        return self.store.read(read)

    async def reports(self, number: int = 1, user: str = "alice") -> list[bytes]:
        """So many reports in an inbox."""
        return await until(lambda: found if len(found := self.inbox(user)) >= number else [], f"{number} reports")

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        number: int = self.store.read(lambda reader: reader.value(f"SELECT count(*) FROM {table}"))
        return number


def slowly(seconds: float) -> Callable[[str], str]:
    """An answer of a sink that thinks about it."""

    def answer(_: str) -> str:
        time.sleep(seconds)
        return "250 2.0.0 ok"

    return answer


async def until(what: Callable[[], T], why: str = "", within: float = LONG) -> T:
    """The first truthy answer."""
    async with asyncio.timeout(within):
        while not (answer := what()):
            await asyncio.sleep(0.02)
    return answer
