"""Child processes that look at messages: unpack, scan, weigh. Their memory and time have limits, and whatever a message
does to one of them, it does to no SMTP session: the child is killed and another takes its place.

`backend.content.workbench` is the child's side. A job and its answer are frames: four bytes of length, JSON; what
the site has learnt of spam follows the job where it is news to the child, and then the message as it is, or it is read
by the child where it lies.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend import confinement, logs
from backend.errors import Temporary
from backend.limits import MIB, Limits
from backend.store.bodies import Body

_log = logging.getLogger("workshop")
_SMALL = MIB  # bytes: one child is kept for messages up to this size, however many large ones there are
_WAIT = 4  # times `unpack_seconds` that a message may wait for a child before it is deferred
_ANSWER = 4 * MIB  # bytes
_HIDDEN = 16 * MIB  # bytes behind it: what a child has found for other engines (`look.HIDDEN`)
_START = 30.0  # seconds until a child is there; a busy machine takes one
_SPARE = 5  # seconds behind `unpack_seconds` before a child is killed: it stops by itself when it can


class Killed(Exception):
    """The child came to its end over this message; the words say how."""


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gate: socket.socket  # the same connection, over which open files go
    reads: tuple[str, ...]  # folders
    jobs: int = 0
    taught: int = -1  # the version of the lessons that it has

    def alive(self) -> bool:
        return self.process.poll() is None and not self.reader.at_eof()

    def end(self) -> None:
        self.writer.close()
        self.gate.close()
        if self.process.poll() is None:
            self.process.kill()
        asyncio.get_running_loop().run_in_executor(None, self.process.wait)


class Workshop:
    """The children of one process. Each is started when it is first wanted."""

    def __init__(self, limits: Limits) -> None:
        self.change(limits)
        number = limits.workshop_children
        self._small: asyncio.Queue[_Child | None] = asyncio.Queue()
        self._large: asyncio.Queue[_Child | None] = asyncio.Queue() if number > 1 else self._small
        self._small.put_nowait(None)
        for _ in range(number - 1):
            self._large.put_nowait(None)
        self._closed = False
        self._lessons = (-1, b"")
        self.reads: tuple[str, ...] = ()  # the folders that children may read, beside Python's
        self._told = False

    def change(self, limits: Limits) -> None:
        """Go on with other limits."""
        self.limits = limits
        self._unpacking = {
            name: value for name, value in dataclasses.asdict(limits).items() if name.startswith("unpack_")
        }

    def teach(self, version: int, lessons: bytes) -> None:
        """What the site has learnt of spam, for all jobs from now on that are about it."""
        self._lessons = version, lessons

    async def run(self, job: dict[str, Any], body: Body) -> dict[str, Any]:
        """The answer to a job about a message. Temporary when there is no child in time; Killed when there was one."""
        lane = await self._lane(body.size)
        child = lane[1]
        back: _Child | None = None
        try:
            if child is None or not child.alive() or child.reads != self.reads:
                if child is not None:
                    child.end()
                child = await self._start()
            answer = await self._ask(child, job, body)
            child.jobs += 1
            if child.jobs < self.limits.workshop_jobs and not self._closed and not answer.get("worn"):
                back = child
            return answer
        finally:
            if child is not None and back is None:
                child.end()
            lane[0].put_nowait(back)

    def close(self) -> None:
        """End the children that have nothing to do; the others end with what they do."""
        self._closed = True
        for lane in (self._small, self._large):
            while not lane.empty():
                child = lane.get_nowait()
                if child is not None:
                    child.end()

    async def _lane(self, size: int) -> tuple[asyncio.Queue[_Child | None], _Child | None]:
        """A child, and the queue that it goes back to. A small message takes whichever is free."""
        if size <= _SMALL and self._small.empty() and not self._large.empty():
            return self._large, self._large.get_nowait()
        lane = self._small if size <= _SMALL else self._large
        try:
            async with asyncio.timeout(_WAIT * self.limits.unpack_seconds):
                return lane, await lane.get()
        except TimeoutError:
            raise Temporary("Too many large messages are being looked at; try again later.") from None

    async def _start(self) -> _Child:
        ours, theirs = socket.socketpair()
        reads = self.reads
        try:
            process = await asyncio.get_running_loop().run_in_executor(None, _spawn, theirs, self.limits, reads)
        except OSError as error:
            ours.close()
            raise Temporary("No process can be started to look at the message; try again later.") from error
        finally:
            theirs.close()
        gate = ours.dup()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        child = _Child(process, reader, writer, gate, reads)
        try:
            async with asyncio.timeout(_START):
                holds = (await _frame(child))["holds"]
        except (TimeoutError, OSError, EOFError, ValueError, LookupError, TypeError) as error:
            child.end()
            raise Temporary("The process that looks at messages does not start; try again later.") from error
        except BaseException:
            child.end()
            raise
        if missing := [name for name in confinement.ALL if name not in holds]:
            self._tell(missing)
        return child

    def _tell(self, missing: list[str]) -> None:
        """Once, and it goes on: limits hold a child all the same."""
        if not self._told:
            _log.warning("this kernel has no %s to hold who looks at messages", " and no ".join(missing))
        self._told = True

    async def _ask(self, child: _Child, job: dict[str, Any], body: Body) -> dict[str, Any]:
        inline = body.head + body.data
        version, lessons = self._lessons
        if job["spam"] is None or child.taught == version:
            version, lessons = child.taught, b""
        where = {"lessons": len(lessons), "inline": len(inline), "skip": body.skip}
        head = json.dumps({**job, **where, "limits": self._unpacking}).encode()
        try:
            async with asyncio.timeout(self.limits.unpack_seconds + _SPARE):
                start = struct.pack(">I", len(head)) + head
                if body.path is not None:
                    await _hand_over(child, start, body.path)
                    start = b""
                child.writer.write(start + lessons + inline)
                await child.writer.drain()
                answer = await _frame(child)
                if not isinstance(answer, dict):
                    raise Killed("its answer was none")
                if sizes := answer.get("hidden"):
                    if sum(sizes) > _HIDDEN:
                        raise Killed("its answer was too long")
                    answer["hidden"] = [await child.reader.readexactly(size) for size in sizes]
        except TimeoutError:
            raise Killed(f"it took more than {self.limits.unpack_seconds} seconds") from None
        except (OSError, EOFError, ValueError, TypeError) as error:
            code = child.process.poll()
            _log.warning("a child of the workshop ended", extra=logs.fields(code=code, error=type(error).__name__))
            raise Killed("the process that looked at it came to its end") from error
        child.taught = version
        return answer


async def _frame(child: _Child) -> Any:
    size = struct.unpack(">I", await child.reader.readexactly(4))[0]
    if size > _ANSWER:
        raise Killed("its answer was too long")
    return json.loads(await child.reader.readexactly(size))


async def _hand_over(child: _Child, start: bytes, path: Path) -> None:
    """The start of a frame, and with it the open file: the child may open none of the site. Nothing waits to be written
    on this connection when a job begins, and there is room for a frame.
    """

    try:
        file = await asyncio.get_running_loop().run_in_executor(None, path.open, "rb")
    except OSError as error:  # that is no fault of the message
        raise Temporary("The message cannot be read; try again later.") from error
    with file:
        if socket.send_fds(child.gate, [start], [file.fileno()]) != len(start):
            raise Killed("it takes no job")


def _spawn(channel: socket.socket, limits: Limits, reads: tuple[str, ...]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "backend.content.workbench", str(limits.workshop_memory_bytes), *reads]
    keep = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    return subprocess.Popen(words, stdin=channel.fileno(), stdout=subprocess.DEVNULL, env=environment)
