"""What engines and scorers beside us have in common: how they are reached, and how a message is read for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from backend.store.bodies import Body

_CHUNK = 256 * 1024  # bytes of a message that are held at once
_TELL = 60.0  # seconds between two alerts of one worker about the same one: each is a write of its own


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to `host:port`, or to the socket of that path; OSError when there is nobody."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in address:
        return await asyncio.open_connection(host.strip("[]"), int(port))
    return await asyncio.open_unix_connection(address)


async def pieces(body: Body) -> AsyncIterator[bytes]:
    """The bytes of a message. A large one is never held whole, and is read beside the event loop."""
    loop, at = asyncio.get_running_loop(), 0
    while piece := await loop.run_in_executor(None, body.part, at, _CHUNK) if body.path else body.part(at, _CHUNK):
        yield piece
        at += len(piece)


class Faults:
    """What of them is worth an alert of this worker, however many messages meet it."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, int]] = {}  # by name: when it was told of last, and how many since

    def count(self, name: str) -> int:
        """One more message with which something is wrong with this one; how many there are to tell of, and 0 where that
        can wait.
        """
        now = time.monotonic()
        told, since = self._known.get(name, (-_TELL, 0))
        if now - told >= _TELL:
            self._known[name] = now, 0
            return since + 1
        self._known[name] = told, since + 1
        return 0
