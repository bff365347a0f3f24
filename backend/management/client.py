"""The other end of the contract: one client for the event loop of a console, one call for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Any

from backend.errors import Denied, MailError, Permanent, Temporary
from backend.management import rpc
from backend.management.codec import from_json
from backend.management.snapshots.hello import Hello

_LONGEST = 16 * 1024 * 1024  # bytes of an answer
_PATIENCE = 40.0  # seconds for an answer: longer than the service gives itself
_GREETING = 5.0  # seconds for the first one, which needs no disk


class NotRunning(Temporary):
    """Nobody answers on the socket."""


class Client:
    """A connection to the management service. Calls wait for each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, path: Path) -> Client:
        """Connect; NotRunning when nobody answers there."""
        try:
            return cls(*await asyncio.open_unix_connection(path, limit=_LONGEST))
        except OSError as error:
            raise _not_running(path, error) from error

    @classmethod
    async def over(cls, connection: socket.socket) -> Client:
        """Speak on a connected socket, which may be one that came by inheritance, or leads into an SSH channel."""
        return cls(*await asyncio.open_unix_connection(sock=connection, limit=_LONGEST))

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def hello(self) -> Hello:
        """Who we are to the service, and what we may do."""
        return from_json(Hello, await self.call("hello", {}))

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """The answer of an action, as JSON; raises its error. NotRunning: the connection is over."""
        async with self._turn:
            try:
                self._writer.write(rpc.request(next(self._numbers), name, arguments or {}))
                await self._writer.drain()
                async with asyncio.timeout(_PATIENCE):
                    line = await self._reader.readline()
            except TimeoutError:
                await self.close()  # a late answer must not be taken for that of the next call
                raise NotRunning("The management service does not answer.") from None
            except (OSError, ValueError) as error:
                raise NotRunning("The connection to the management service is lost.") from error
            except asyncio.CancelledError:
                self._writer.close()
                raise
        if not line.endswith(b"\n"):
            raise NotRunning("The management service hung up.")
        return rpc.answer(line)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class Caller:
    """The same for a program without an event loop, on a path or a connected socket. Connecting raises NotRunning,
    Denied, or Temporary when who listens does not answer.
    """

    def __init__(self, where: Path | socket.socket) -> None:
        self._socket = _dialled(where) if isinstance(where, Path) else where
        self._socket.settimeout(_GREETING)
        self._numbers = itertools.count(1)
        self._lines = self._socket.makefile("rb")
        try:
            greeting = self.call("hello")
        except MailError:
            self.close()
            raise
        if greeting["contract"] != rpc.CONTRACT:
            self.close()
            raise Permanent(f"The service runs Mailconsole {greeting['version']}, and this is another one; restart it.")
        self._socket.settimeout(_PATIENCE)

    def call(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """The answer of an action, as JSON; raises its error."""
        try:
            self._socket.sendall(rpc.request(next(self._numbers), name, arguments or {}))
            line = self._lines.readline(_LONGEST)
        except TimeoutError:
            size = struct.calcsize("3i")
            pid, *_ = struct.unpack("3i", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
            raise Temporary(
                f"The management role (pid {pid}) does not answer; mail goes on. See the service's log;"
                f" `kill -9 {pid}` makes the service start that role again."
            ) from None
        except OSError as error:
            raise Temporary("The connection to the management service is lost; try again.") from error
        if not line.endswith(b"\n"):
            raise Temporary("The management service hung up; try again.")
        return rpc.answer(line)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()


def call(path: Path, name: str, arguments: dict[str, Any] | None = None) -> Any:
    """One call on a connection of its own."""
    caller = Caller(path)
    try:
        return caller.call(name, arguments)
    finally:
        caller.close()


def _dialled(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_GREETING)
    try:
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise _not_running(path, error) from error
    return connection


def _not_running(path: Path, error: OSError) -> MailError:
    if isinstance(error, PermissionError):
        return Denied(f"You may not manage this service: {path} is its own user's and root's.")
    return NotRunning(f"The service is not running: nobody answers on {path}.")
