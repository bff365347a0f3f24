"""One caller's conversation: a request a line, answered in order. What is bound to an operator stays that one's."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import backend
from backend import logs
from backend.config import Settings
from backend.errors import Denied, MailError, Temporary
from backend.management import gate, rpc
from backend.management.codec import to_json
from backend.management.gate import Gate
from backend.management.peers import GATEKEEPER
from backend.management.registry import actions, find
from backend.management.roles import SYSADMIN, Caller, refusal
from backend.management.sessions import Session, Sessions
from backend.management.shared import Shared
from backend.management.snapshots.hello import ActionRow, Hello
from backend.store.database import Store

_log = logging.getLogger("management")
_IDLE = 86_400  # seconds that a console may say nothing
_LINGER = 1.0  # seconds for the first request of a client that is refused
_FIRST = ("me.show", "me.password")  # all that is done with a one-time password
_AT_EACH_TICK = ("status", "problems")  # what every console asks for; it depends on nobody but, perhaps, the role
_numbers = itertools.count(1)


class Desk:
    """What all connections share. `settings` may be replaced."""

    def __init__(self, settings: Settings, store: Store, threads: ThreadPoolExecutor) -> None:
        self.settings = settings
        self.store = store
        self.threads = threads
        self.sessions = Sessions(settings.limits)
        self.shared = Shared()
        self.gate = Gate(settings, store)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self.settings = settings
        self.sessions.limits = settings.limits
        self.gate.reload(settings)
        self.shared.forget()


class Connection:
    """Answers one caller until it hangs up."""

    def __init__(self, desk: Desk, caller: Caller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._desk = desk
        self._caller = caller
        self._reader = reader
        self._writer = writer
        self._number = next(_numbers)
        self._session: Session | None = None

    async def converse(self) -> None:
        """Read, answer, again."""
        try:
            while (line := await self._line()) is not None:
                self._writer.write(await self._answer(line))
                await self._writer.drain()
        finally:
            if self._session is not None:
                self._desk.sessions.leave(self._session.id, self._number)

    async def refuse(self, reason: MailError) -> None:
        """Say why there will be no conversation. Who hangs up while the first request comes loses the words, so it is
        waited for.
        """
        self._writer.write(rpc.refusal(None, reason))
        await self._writer.drain()
        with contextlib.suppress(TimeoutError, ValueError):
            async with asyncio.timeout(_LINGER):
                await self._reader.readline()

    async def _line(self) -> bytes | None:
        """The next request; None when there will be no other."""
        try:
            async with asyncio.timeout(_IDLE):
                line = await self._reader.readline()
        except TimeoutError:
            return None
        except ValueError:  # longer than the limit
            limit = self._desk.settings.limits.request_bytes
            too_long = rpc.NotARequest(rpc.INVALID_REQUEST, f"A request has at most {limit} bytes.")
            self._writer.write(rpc.not_a_request(too_long))
            await self._writer.drain()
            return None
        return line if line.endswith(b"\n") else None

    async def _answer(self, line: bytes) -> bytes:
        try:
            request = rpc.parse(line)
            known = request.method == "hello" or request.method.startswith("gate.") or request.method in actions()
            if not known:
                raise rpc.NotARequest(rpc.METHOD_NOT_FOUND, f"There is no action {request.method[:60]!r}.", request.id)
        except rpc.NotARequest as wrong:
            return rpc.not_a_request(wrong)
        try:
            return rpc.result(request.id, await self._value(request))
        except MailError as reason:
            if isinstance(reason, Denied):
                refused = logs.fields(user=self._caller.user, action=request.method, reason=str(reason))
                _log.warning("refused", extra=refused)
            return rpc.refusal(request.id, reason)
        except TimeoutError:
            late = Temporary("This takes too long; it may still be at work. Ask for less at once.")
            return rpc.refusal(request.id, late)
        except Exception:
            incident = logs.incident()
            _log.exception("action failed", extra=logs.fields(incident=incident, action=request.method))
            text = f"Something went wrong in the service; the log has it as incident {incident}."
            return rpc.refusal(request.id, rpc.Incident(text))

    async def _value(self, request: rpc.Request) -> Any:
        if request.method.startswith("gate."):
            return await self._pass(request)
        if request.method == "hello":
            return await self._in_thread(lambda: to_json(hello(self._now()[0], self._idle_seconds())))
        return await self._in_thread(lambda: self._act(request))

    async def _in_thread(self, work: Callable[[], Any], threads: ThreadPoolExecutor | None = None) -> Any:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._desk.settings.limits.request_seconds):
            return await loop.run_in_executor(threads or self._desk.threads, work)

    def _now(self) -> tuple[Caller, bool]:
        """Who asks, with the role that the operator has now; and whether it must choose a password first."""
        session = self._session
        if session is None:
            return self._caller, False
        if not self._desk.sessions.is_open(session.id):
            raise Denied("This session was ended.")
        operator, caller = self._desk.store.read(lambda reader: gate.bound(reader, session))
        return caller, operator.must_change and not session.key

    def _act(self, request: rpc.Request) -> Any:
        desk, action = self._desk, find(request.method)
        caller, must_change = self._now()
        if must_change and action.name not in _FIRST:
            raise Denied("This is a one-time password: choose your own first, in the console or with `me password`.")
        if self._session is not None and action.changes:
            desk.sessions.heard(self._session.id)

        def work() -> Any:
            return to_json(action(desk.store, desk.settings, caller, request.params, desk.sessions))

        if self._is_console() and action.name in _AT_EACH_TICK and not request.params:
            return desk.shared.answer((action.name, caller.role), work)
        try:
            return work()
        finally:
            if action.changes:
                desk.shared.forget()

    def _idle_seconds(self) -> int:
        """A console on another machine ends by itself; the SSH role sees to all others."""
        far = self._session is not None and self._session.kind == "contract"
        return self._desk.settings.ssh.idle_minutes * 60 if far else 0

    def _is_console(self) -> bool:
        """Others get the figures of this moment: a script may have made them a moment ago."""
        return self._session is not None and self._session.kind == "console"

    # -- the gate

    async def _pass(self, request: rpc.Request) -> Any:
        if self._session is not None or self._caller.role not in (SYSADMIN, GATEKEEPER):
            raise Denied("This is for the SSH server only.")
        if request.method == gate.BIND:
            return await self._bind(gate.session_of(request.params))
        if request.method == "gate.pulse":
            idle = gate.idle_of(request)
            for session, seconds in idle.items():
                self._desk.sessions.heard(session, seconds)
            return {"end": self._desk.sessions.ended(list(idle))}
        if blocking := self._desk.gate.blocking.get(request.method):
            return await self._in_thread(lambda: blocking(request.params), self._desk.gate.threads)
        if waiting := self._desk.gate.waiting.get(request.method):
            return await waiting(request.params)
        raise Denied("There is no such question.")

    async def _bind(self, wanted: Session) -> Any:
        desk, loop = self._desk, asyncio.get_running_loop()

        def hang_up() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and all connections with it
                loop.call_soon_threadsafe(self._writer.transport.abort)

        def bind() -> Hello:
            _, caller = desk.store.read(lambda reader: gate.bound(reader, wanted))
            session = desk.sessions.bind(wanted, self._number, hang_up)
            self._session, self._caller = session, caller
            if session is wanted:  # its first connection, and not one made again
                desk.store.write(lambda transaction: gate.begin(transaction, session, caller))
            return hello(caller, self._idle_seconds())

        # No time limit: a connection that was told "too late" would become the operator's behind its own back.
        return to_json(await loop.run_in_executor(desk.threads, bind))


def hello(caller: Caller, idle_seconds: int = 0) -> Hello:
    """Who the caller is, what it may do, and how long it may be silent."""
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
    return Hello(backend.__version__, rpc.CONTRACT, caller.user, caller.role, tuple(rows), idle_seconds)
