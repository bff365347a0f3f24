"""Any program as an engine: it reads the message from its standard input, and its exit code is the answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Any

from backend.config import AntivirusEngine
from backend.content.engine import EngineHealth, EngineResult
from backend.store.bodies import Body

_OUTPUT = 4_096  # bytes that are kept
_CHUNK = 256 * 1024


class Command:
    """One program, started for each message."""

    def __init__(self, settings: AntivirusEngine) -> None:
        self.name = settings.name
        self.when_down = settings.when_down
        self._settings = settings
        self._room = asyncio.Semaphore(settings.connections)

    async def scan(self, body: Body, report: dict[str, Any]) -> EngineResult:
        """Run it; the first line that it writes is the signature where it says infected."""
        began = time.perf_counter()
        process: asyncio.subprocess.Process | None = None
        try:
            async with asyncio.timeout(self._settings.seconds), self._room:
                process = await asyncio.create_subprocess_exec(
                    *self._settings.command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
                _, output = await asyncio.gather(_feed(process, body), _read(process))
                code = await process.wait()
        except TimeoutError:
            return self._result("failed", "", f"no end within {self._settings.seconds:g} seconds", began)
        except (OSError, ValueError) as error:
            return self._result("failed", "", f"cannot be started: {error}"[:200], began)
        finally:
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
        words = output.decode("utf-8", "replace").strip().partition("\n")[0][:200]
        if code == self._settings.infected_code:
            return self._result("infected", words or "unnamed", "", began)
        if code == 0:
            return self._result("clean", "", "", began)
        return self._result("failed", "", f"it ended with {code}: {words}", began)

    async def health(self) -> EngineHealth:
        """Whether the program is there."""
        program = self._settings.command[0] if self._settings.command else ""
        there = bool(program) and (os.access(program, os.X_OK) or "/" not in program)
        return EngineHealth(program, 0.0, there, "" if there else f"there is no program {program!r}")

    def close(self) -> None:
        """Nothing is kept."""

    def _result(self, outcome: Any, signature: str, words: str, began: float) -> EngineResult:
        return EngineResult(self.name, outcome, signature, words, (time.perf_counter() - began) * 1_000)


async def _feed(process: asyncio.subprocess.Process, body: Body) -> None:
    assert process.stdin is not None
    loop, at = asyncio.get_running_loop(), 0
    with contextlib.suppress(OSError, RuntimeError):  # it need not read to the end; uvloop says RuntimeError then
        while piece := await loop.run_in_executor(None, body.part, at, _CHUNK):
            process.stdin.write(piece)
            await process.stdin.drain()
            at += len(piece)
        process.stdin.close()


async def _read(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    kept = b""
    while piece := await process.stdout.read(_OUTPUT):
        kept = (kept + piece)[:_OUTPUT]
    return kept
