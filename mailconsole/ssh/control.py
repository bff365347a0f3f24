"""Between a child and the SSH role: a packet socket, by which a child asks for a new management connection after the
service has restarted, and says what it crashed of. The child's end is here, and the words that both ends use.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from backend.errors import MailError
from backend.management.client import Client, NotRunning

LARGEST = 64 * 1024  # bytes of a packet
CONNECT, CRASH = "connect", "crash"
_PATIENCE = 20.0  # seconds for a new connection
_TRACE = 16_000  # characters of a traceback: its end is kept, where the cause stands


def packet(kind: str, **values: Any) -> bytes:
    """A message."""
    return json.dumps({"kind": kind, **values}).encode()


def connect(control: socket.socket, bind: Callable[[], socket.socket]) -> None:
    """Answer a child that asks for another connection: one that `bind` makes, or why there is none."""
    try:
        with bind() as connection:
            socket.send_fds(control, [b"{}"], [connection.fileno()])
    except MailError as error:
        control.send(packet("refused", reason=str(error)))


class Control:
    """A child's end, with the management connection that it begins with."""

    def __init__(self, control: socket.socket, connection: socket.socket) -> None:
        self._control = control
        self._connection: socket.socket | None = connection
        control.setblocking(False)

    async def connect(self) -> Client:
        """The connection that was inherited; when that is over, a new one. NotRunning when there is none now."""
        connection, self._connection = self._connection, None
        if connection is None:
            try:
                async with asyncio.timeout(_PATIENCE):
                    connection = await self._another()
            except (OSError, TimeoutError) as error:
                raise NotRunning("The service does not answer.") from error
        connection.setblocking(False)
        return await Client.over(connection)

    async def _another(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        self._control.send(packet(CONNECT))
        readable = asyncio.Event()
        loop.add_reader(self._control, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._control)
        words, descriptors, _, _ = socket.recv_fds(self._control, LARGEST, 1)
        if not descriptors:
            raise NotRunning(json.loads(words)["reason"] if words else "The SSH server has hung up.")
        return socket.socket(fileno=descriptors[0])

    def crashed(self, incident: str, trace: str) -> None:
        """Have the service's log keep the traceback. Gives up when nobody takes it."""
        try:
            self._control.send(packet(CRASH, incident=incident, trace=trace[-_TRACE:]))
        except OSError:
            return
