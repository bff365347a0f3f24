"""The management service: actions, asked for over a unix socket by who may ask."""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor

from backend.config import Settings
from backend.errors import Temporary
from backend.management.connection import Connection, Desk
from backend.management.peers import caller_of
from backend.management.registry import actions
from backend.store.database import Store

_THREADS = 8  # actions at work at once: they wait for the disk, not for the processor


class Server:
    """Answers on `run/management.sock` until closed."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="action")
        self._desk = Desk(settings, store, self._threads)
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._path = settings.site.run / "management.sock"
        actions()

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._desk.reload(settings)

    async def listen(self) -> None:
        """Take callers."""
        self._path.unlink(missing_ok=True)
        limit = self._desk.settings.limits.request_bytes
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._client, self._path, limit=limit)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Hang up on everybody. Changes that have begun are finished: the store's writer sees to that."""
        if self._server is not None:
            self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._desk.gate.close()
        self._path.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                caller = caller_of(writer.get_extra_info("socket"), self._desk.settings.site.run)
                connection = Connection(self._desk, caller, reader, writer)
                if len(self._clients) > self._desk.settings.limits.management_connections:
                    await connection.refuse(Temporary("Too many consoles are open; close one, or try again."))
                else:
                    await connection.converse()
        except asyncio.CancelledError:
            pass
        finally:
            self._clients.discard(task)
            writer.close()
