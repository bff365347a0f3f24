"""clamd over its socket: INSTREAM for a message, VERSION for its health (clamd(8), "COMMANDS").

Messages go over sessions that stay open (IDSESSION), one at a time over each: it spares clamd and us a connection for
each message.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from backend.config import AntivirusEngine
from backend.content.daemons import connect, pieces
from backend.content.engine import EngineHealth, EngineResult
from backend.store.bodies import Body

_ANSWER = 4_096  # bytes
_CONNECT = 5.0  # seconds
_REPLY = re.compile(r"([0-9]{1,10}): (.*)", re.DOTALL)
_FOUND = re.compile(r"stream: (.+) FOUND")
_VERSION = re.compile(r"([^/]*)(?:/([^/]*)/(.*))?")


class _Ended(ConnectionError):
    """The session ended before anything was said."""


@dataclass(slots=True)
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int = 0  # of the last command, as clamd counts them


class Clamd:
    """One clamd, and as many sessions at once as the settings say."""

    def __init__(self, settings: AntivirusEngine) -> None:
        self.name = settings.name
        self.when_down = settings.when_down
        self._settings = settings
        self._room = asyncio.Semaphore(settings.connections)
        self._free: list[_Session] = []

    async def scan(self, body: Body, report: dict[str, Any]) -> EngineResult:
        """Send the message, and read what it says."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.seconds), self._room:
                answer = await self._answer(body)
        except TimeoutError:
            return self._failed(f"no answer within {self._settings.seconds:g} seconds", began)
        except OSError as error:
            return self._failed(f"cannot be reached: {error.strerror or type(error).__name__}", began)
        spent = (time.perf_counter() - began) * 1_000
        if found := _FOUND.fullmatch(answer):
            return EngineResult(self.name, "infected", found[1][:200], "", spent)
        if answer == "stream: OK":
            return EngineResult(self.name, "clean", "", "", spent)
        return self._failed(answer[:200] or "it hung up", began)

    async def health(self) -> EngineHealth:
        """Its version, and the date of its signatures where it has official ones."""
        try:
            async with asyncio.timeout(_CONNECT):
                reader, writer = await connect(self._settings.address)
                try:
                    writer.write(b"zVERSION\0")
                    answer = (await reader.read(_ANSWER)).decode("utf-8", "replace").rstrip("\0\n")
                finally:
                    writer.close()
        except TimeoutError:
            return EngineHealth("", 0.0, False, "no answer")
        except OSError as error:
            return EngineHealth("", 0.0, False, f"cannot be reached: {error.strerror or type(error).__name__}")
        found = _VERSION.fullmatch(answer)
        made = _date(found[3]) if found and found[3] else 0.0
        days, age = self._settings.signature_days, (time.time() - made) / 86_400
        if made and days and age > days:
            return EngineHealth(answer, made, False, f"its signatures are {age:.0f} days old")
        return EngineHealth(answer, made, True)

    def close(self) -> None:
        """End the sessions that are free."""
        while self._free:
            self._free.pop().writer.close()

    async def _answer(self, body: Body) -> str:
        """What it says of a message, over a session that is open already where there is one. clamd ends those that have
        been still for long: then over another.
        """
        while self._free:
            session = self._free.pop()
            if session.reader.at_eof():
                session.writer.close()
                continue
            try:
                with self._held(session):
                    return await _ask(session, body)
            except _Ended:
                continue
        session = _Session(*await connect(self._settings.address))
        session.writer.write(b"zIDSESSION\0")
        with self._held(session):
            return await _ask(session, body)

    @contextlib.contextmanager
    def _held(self, session: _Session) -> Iterator[None]:
        """Free again when its answer was read whole; else who knows what comes next."""
        try:
            yield
        except BaseException:
            session.writer.close()
            raise
        self._free.append(session)

    def _failed(self, words: str, began: float) -> EngineResult:
        return EngineResult(self.name, "failed", "", words, (time.perf_counter() - began) * 1_000)


async def _ask(session: _Session, body: Body) -> str:
    """The answer to one INSTREAM, without its number; empty when it hung up in the middle."""
    session.number += 1
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
            await _stream(session.writer, body)  # over its size limit it says so and hangs up
        reply = (await session.reader.readuntil(b"\0")).decode("utf-8", "replace").rstrip("\0")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise ConnectionResetError("hung up") from error
        raise _Ended("hung up") from error
    except (asyncio.LimitOverrunError, ConnectionError) as error:
        raise _Ended("hung up") from error
    found = _REPLY.fullmatch(reply)
    if found is None or int(found[1]) != session.number:
        raise ConnectionResetError(f"an answer to another question: {reply[:100]}")
    return found[2]


async def _stream(writer: asyncio.StreamWriter, body: Body) -> None:
    if body.path is None:
        whole = body.head + body.data
        chunk = struct.pack(">I", len(whole)) + whole if whole else b""
        writer.write(b"zINSTREAM\0" + chunk + b"\0\0\0\0")
        await writer.drain()
        return
    writer.write(b"zINSTREAM\0")
    async for piece in pieces(body):
        writer.write(struct.pack(">I", len(piece)) + piece)
        await writer.drain()
    writer.write(b"\0\0\0\0")


def _date(words: str) -> float:
    """`Tue Nov 24 08:11:12 2026`, in seconds since 1970; 0 when it is none."""
    try:
        made = datetime.datetime.strptime(words.strip(), "%a %b %d %H:%M:%S %Y")
    except ValueError:
        return 0.0
    return made.replace(tzinfo=datetime.UTC).timestamp()
