"""The management service: actions, asked for over a unix socket by who may ask (SO_PEERCRED)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import backend
from backend import logs
from backend.config import Settings
from backend.errors import Denied, MailError, Temporary
from backend.management import rpc
from backend.management.codec import to_json
from backend.management.registry import Action, actions, find
from backend.management.roles import SYSADMIN, Caller, refusal
from backend.management.snapshots.hello import ActionRow, Hello
from backend.store.database import Store

_log = logging.getLogger("management")
_THREADS = 8  # actions at work at once: they wait for the disk, not for the processor
_IDLE = 86_400  # seconds that a console may say nothing


class Server:
    """Answers on `path` until closed."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="action")
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._path = settings.site.run / "management.sock"
        actions()

    async def listen(self) -> None:
        """Take callers."""
        self._path.unlink(missing_ok=True)
        limit = self.settings.limits.request_bytes
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
        self._path.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._converse(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = _caller(writer.get_extra_info("socket"))
        if len(self._clients) > self.settings.limits.management_connections:
            writer.write(rpc.refusal(None, Temporary("Too many consoles are open; close one, or try again.")))
            await writer.drain()
            return
        while True:
            try:
                async with asyncio.timeout(_IDLE):
                    line = await reader.readline()
            except TimeoutError:
                return
            except ValueError:  # longer than the limit
                limit = self.settings.limits.request_bytes
                too_long = rpc.NotARequest(rpc.INVALID_REQUEST, f"A request has at most {limit} bytes.")
                writer.write(rpc.not_a_request(too_long))
                await writer.drain()
                return
            if not line.endswith(b"\n"):
                return
            writer.write(await self._answer(line, caller))
            await writer.drain()

    async def _answer(self, line: bytes, caller: Caller) -> bytes:
        try:
            request = rpc.parse(line)
            if request.method != "hello" and request.method not in actions():
                raise rpc.NotARequest(rpc.METHOD_NOT_FOUND, f"There is no action {request.method[:60]!r}.", request.id)
        except rpc.NotARequest as wrong:
            return rpc.not_a_request(wrong)
        try:
            value = await self._call(request, caller)
            return rpc.result(request.id, value)
        except MailError as reason:
            if isinstance(reason, Denied):
                _log.warning("refused", extra=logs.fields(user=caller.user, action=request.method, reason=str(reason)))
            return rpc.refusal(request.id, reason)
        except TimeoutError:
            late = Temporary("This takes too long; it may still be at work. Ask for less at once.")
            return rpc.refusal(request.id, late)
        except Exception:
            incident = logs.incident()
            _log.exception("action failed", extra=logs.fields(incident=incident, action=request.method))
            text = f"Something went wrong in the service; the log has it as incident {incident}."
            return rpc.refusal(request.id, rpc.Incident(text))

    async def _call(self, request: rpc.Request, caller: Caller) -> Any:
        if request.method == "hello":
            return to_json(hello(caller))
        action = find(request.method)
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._run, action, caller, request.params)
        async with asyncio.timeout(self.settings.limits.request_seconds):
            return await work

    def _run(self, action: Action, caller: Caller, params: dict[str, Any]) -> Any:
        return to_json(action(self._store, self.settings, caller, params))


def hello(caller: Caller) -> Hello:
    """Who the caller is, and what it may do."""
    rows = []
    for action in actions().values():
        refused = refusal(caller.role, action.roles)
        rows.append(
            ActionRow(
                action.name,
                action.help,
                action.roles,
                action.changes,
                action.dangerous,
                action.reason,
                action.key,
                not refused,
                refused,
            )
        )
    return Hello(backend.__version__, rpc.CONTRACT, caller.user, caller.role, tuple(rows))


def local_caller(pid: int, uid: int, way: str) -> Caller:
    """A process of this host: root and the service's own user are sysadmin, nobody else is anything yet."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"uid {uid}"
    return Caller(user, SYSADMIN if uid in (0, os.geteuid()) else "", f"{way} uid {uid} pid {pid}")


def _caller(connection: socket.socket) -> Caller:
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return local_caller(pid, uid, "socket")
