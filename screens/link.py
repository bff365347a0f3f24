"""The console's line to the management service: made again when it breaks, with growing pauses."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from backend.management.client import Client, NotRunning
from backend.management.snapshots import ActionRow, Hello

_LONGEST = 10.0  # seconds between tries


class Link:
    """Calls actions. `hello` says who we are, once somebody has answered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._client: Client | None = None
        self._turn = asyncio.Lock()
        self._pause = 0.5
        self._again = 0.0  # no try before this moment
        self.hello: Hello | None = None

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """The answer as JSON; raises its error, NotRunning when nobody is there."""
        client = await self._connected()
        try:
            return await client.call(name, arguments)
        except (NotRunning, asyncio.CancelledError):  # a call that was left half way has closed the connection
            self._client = None
            raise

    async def _connected(self) -> Client:
        async with self._turn:
            if self._client is not None:
                return self._client
            if time.monotonic() < self._again:
                raise NotRunning("The service is gone; trying again soon.")
            try:
                client = await Client.connect(self._path)
                self.hello = await client.hello()
            except NotRunning:
                self._again = time.monotonic() + self._pause
                self._pause = min(_LONGEST, self._pause * 1.5)
                raise
            self._pause = 0.5
            self._client = client
            return client

    def action(self, name: str) -> ActionRow | None:
        """What the service says of an action; None before it has spoken, or when it knows none."""
        return next((row for row in self.hello.actions if row.name == name), None) if self.hello else None

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.close()
