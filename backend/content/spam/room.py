"""Where messages are scored: child processes of an SMTP worker, so that no message, however hostile, holds it up.

A child that is late or dies is ended and made anew with the next message; the message that it had is not scored.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict

from backend.content.scorer import Context, Reason, Score
from backend.content.spam.child import LENGTH
from backend.errors import Temporary

_COMMAND = (sys.executable, "-m", "backend.content.spam.child")
_RECYCLED = 2_000  # messages that one child scores
_ANSWER = 64 * 1024  # bytes; an answer has some names and sentences of ours


class Room:
    """A few children. `score` waits for a free one."""

    def __init__(self, children: int = 1) -> None:
        self._free: asyncio.Queue[_Child] = asyncio.Queue()
        self._all = [_Child() for _ in range(children)]
        for child in self._all:
            self._free.put_nowait(child)
        self._lessons: tuple[int, bytes] | None = None

    def teach(self, version: int, lessons: bytes) -> None:
        """What the site has learnt, for all messages from now on."""
        self._lessons = version, lessons

    async def score(self, start: bytes, size: int, context: Context, seconds: float) -> Score:
        """The score of a message of `size` bytes that begins with `start`; Temporary when there is none in time."""
        try:
            async with asyncio.timeout(seconds):
                child = await self._free.get()
                try:
                    return await child.score(start, size, context, self._lessons)
                except BaseException:
                    child.end()
                    raise
                finally:
                    self._free.put_nowait(child)
        except TimeoutError:
            raise Temporary("late") from None
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise Temporary(type(error).__name__) from error

    def close(self) -> None:
        """End the children."""
        for child in self._all:
            child.end()


class _Child:
    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._taught = -1
        self._scored = 0

    async def score(self, start: bytes, size: int, context: Context, lessons: tuple[int, bytes] | None) -> Score:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        if lessons is not None and lessons[0] != self._taught:
            process.stdin.write(_frames({}, lessons[1]))
            self._taught = lessons[0]
        process.stdin.write(_frames({"context": asdict(context), "size": size}, start))
        await process.stdin.drain()
        (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        if length > _ANSWER:
            raise ValueError("too long an answer")
        answer = json.loads(await process.stdout.readexactly(length))
        if "failed" in answer:
            raise Temporary(str(answer["failed"]))
        self._scored += 1
        return Score(answer["points"], tuple(Reason(*reason) for reason in answer["reasons"]))

    async def _running(self) -> asyncio.subprocess.Process:
        if self._scored >= _RECYCLED:
            self.end()
        if self._process is None or self._process.returncode is not None:
            self._taught, self._scored = -1, 0
            self._process = await asyncio.create_subprocess_exec(
                *_COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=False
            )
        return self._process

    def end(self) -> None:
        """SIGKILL: it has nothing to put in order."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def _frames(head: dict[str, object], data: bytes) -> bytes:
    written = json.dumps(head).encode()
    return LENGTH.pack(len(written)) + written + LENGTH.pack(len(data)) + data
