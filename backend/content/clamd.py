"""clamd over its socket: INSTREAM for a message, VERSION for its health (clamd(8), "COMMANDS")."""

from __future__ import annotations

import asyncio
import datetime
import re
import struct
import time
from typing import Any

from backend.config import AntivirusEngine
from backend.content.engine import EngineHealth, EngineResult
from backend.store.bodies import Body

_ANSWER = 4_096  # bytes
_CHUNK = 256 * 1024
_CONNECT = 5.0  # seconds
_FOUND = re.compile(r"stream: (.+) FOUND\0?$")
_VERSION = re.compile(r"([^/]*)(?:/([^/]*)/(.*))?")


class Clamd:
    """One clamd. A connection a message, as many at once as the settings say."""

    def __init__(self, settings: AntivirusEngine) -> None:
        self.name = settings.name
        self.when_down = settings.when_down
        self._settings = settings
        self._room = asyncio.Semaphore(settings.connections)

    async def scan(self, body: Body, report: dict[str, Any]) -> EngineResult:
        """Send the message, and read what it says."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.seconds), self._room:
                answer = await self._stream(body)
        except TimeoutError:
            return self._failed(f"no answer within {self._settings.seconds:g} seconds", began)
        except OSError as error:
            return self._failed(f"cannot be reached: {error.strerror or type(error).__name__}", began)
        spent = (time.perf_counter() - began) * 1_000
        if found := _FOUND.search(answer):
            return EngineResult(self.name, "infected", found[1][:200], "", spent)
        if answer.rstrip("\0") == "stream: OK":
            return EngineResult(self.name, "clean", "", "", spent)
        return self._failed(answer.rstrip("\0")[:200] or "it hung up", began)

    async def health(self) -> EngineHealth:
        """Its version, and the date of its signatures where it has official ones."""
        try:
            async with asyncio.timeout(_CONNECT):
                reader, writer = await self._connect()
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

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = self._settings.address
        host, _, port = address.rpartition(":")
        if host and port.isdecimal() and "/" not in address:
            return await asyncio.open_connection(host.strip("[]"), int(port))
        return await asyncio.open_unix_connection(address)

    async def _stream(self, body: Body) -> str:
        reader, writer = await self._connect()
        loop = asyncio.get_running_loop()
        try:
            if body.path is None:
                whole = body.head + body.data
                chunk = struct.pack(">I", len(whole)) + whole if whole else b""
                writer.write(b"zINSTREAM\0" + chunk + b"\0\0\0\0")
            else:
                writer.write(b"zINSTREAM\0")
                at = 0
                while piece := await loop.run_in_executor(None, body.part, at, _CHUNK):
                    writer.write(struct.pack(">I", len(piece)) + piece)
                    await writer.drain()
                    at += len(piece)
                writer.write(b"\0\0\0\0")
            answer = await reader.read(_ANSWER)
            return answer.decode("utf-8", "replace")
        except (
            BrokenPipeError,
            ConnectionResetError,
            RuntimeError,
        ) as error:  # over its size limit it says so and hangs up
            answer = await reader.read(_ANSWER)
            if not answer:
                raise ConnectionResetError("hung up") from error
            return answer.decode("utf-8", "replace")
        finally:
            writer.close()

    def _failed(self, words: str, began: float) -> EngineResult:
        return EngineResult(self.name, "failed", "", words, (time.perf_counter() - began) * 1_000)


def _date(words: str) -> float:
    """`Tue Nov 24 08:11:12 2026`, in seconds since 1970; 0 when it is none."""
    try:
        made = datetime.datetime.strptime(words.strip(), "%a %b %d %H:%M:%S %Y")
    except ValueError:
        return 0.0
    return made.replace(tzinfo=datetime.UTC).timestamp()
