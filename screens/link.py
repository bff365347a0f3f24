"""The console's line to the management service: made again when it breaks, with growing pauses."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from backend.errors import MailError, Permanent
from backend.management import rpc
from backend.management.client import Client, NotRunning
from backend.management.codec import from_json
from backend.management.snapshots.hello import ActionRow, Hello
from screens.deed import Undoing

_FIRST, _LONGEST = 0.5, 10.0  # seconds between tries
_UNDOINGS = 50

T = TypeVar("T")


class Link:
    """Calls actions on what `connect` makes. `hello` says who we are, once somebody has answered; `greeted` is told
    of it each time.
    """

    def __init__(self, connect: Callable[[], Awaitable[Client]], greeted: Callable[[Hello], None]) -> None:
        self._make = connect
        self._greeted = greeted
        self._client: Client | None = None
        self._turn = asyncio.Lock()
        self._pause = _FIRST
        self._again = 0.0  # no try before this moment
        self._reason: MailError = NotRunning("The service does not answer.")  # why the last try failed
        self.hello: Hello | None = None
        self.undoings: deque[Undoing] = deque(maxlen=_UNDOINGS)  # what `u` takes back, on every screen
        self.hostname = ""  # of the service, once somebody has asked for its status

    async def ask(self, kind: type[T], name: str, arguments: dict[str, Any] | None = None) -> T:
        """The answer as a snapshot; raises what `call` raises, and Permanent for an answer of another version."""
        return _understood(kind, await self.call(name, arguments))

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """The answer as JSON; raises its error, NotRunning when nobody is there."""
        client = await self._connected()
        try:
            return await client.call(name, arguments)
        except (NotRunning, asyncio.CancelledError):  # a call that was left half way has closed the connection
            if self._client is client:
                self._client = None
            raise

    async def _connected(self) -> Client:
        async with self._turn:
            if self._client is not None:
                return self._client
            if time.monotonic() < self._again:
                raise self._reason
            try:
                self._client = await self._connect()
            except MailError as error:
                self._reason = error
                self._again = time.monotonic() + self._pause
                self._pause = min(_LONGEST, self._pause * 1.5)
                raise
            self._pause = _FIRST
            return self._client

    async def _connect(self) -> Client:
        client = await self._make()
        try:
            self.hello = _understood(Hello, await client.call("hello"))
            if self.hello.contract != rpc.CONTRACT:
                raise Permanent(f"The service runs Mailconsole {self.hello.version}; leave, and start its console.")
        except BaseException:
            await client.close()
            raise
        self._greeted(self.hello)
        return client

    def action(self, name: str) -> ActionRow | None:
        """What the service says of an action; None before it has spoken, or when it knows none."""
        return next((row for row in self.hello.actions if row.name == name), None) if self.hello else None

    def refusal(self, name: str) -> str:
        """Why the caller may not do an action; empty when it may."""
        action = self.action(name)
        if action is None:
            return "The service does not answer." if self.hello is None else "The service knows no such action."
        return "" if action.allowed else action.refusal

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.close()


def _understood(kind: type[T], answer: Any) -> T:
    try:
        return from_json(kind, answer)
    except (KeyError, TypeError):
        raise Permanent("The service is of another version than this console; leave, and start it again.") from None
