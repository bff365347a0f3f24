"""The child's side of the workshop: one job after the other from standard input, until that ends.

It reads Python's files, its own and the rules, and the one message that it is given; it writes none, starts nothing,
opens no socket, and has limits of its own for memory and time.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import backend
from backend import confinement
from backend.content.look import Looks
from backend.content.spam import model
from backend.limits import Limits

_SPARE = 3  # seconds of processor time past those of the job
_WORN = 256 * 1024 * 1024  # bytes of memory that a child may have had before another takes its place


class Bench:
    """What a child has beside its job."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._looks = Looks()
        self._memory = os.open("/proc/self/statm", os.O_RDONLY)  # before nothing more can be opened

    def serve(self, holds: tuple[str, ...]) -> None:
        """Say what holds it, and do jobs until there are no more."""
        self._answer({"holds": holds})
        while (start := self._start()) is not None:
            size, file = start
            frame = self._read(size)
            if frame is None:
                return
            job = json.loads(frame)
            lessons, data = self._read(job["lessons"]), self._read(job["inline"])
            if data is None or lessons is None:
                return
            if lessons:
                self._looks.teach(lessons)
            self._answer(self._done(job, data, file), self._looks.hidden)

    def _done(self, job: dict[str, Any], data: bytes, file: int | None) -> dict[str, Any]:
        limits = Limits(**job["limits"])
        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + limits.unpack_seconds + _SPARE
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        try:
            if file is not None:
                with os.fdopen(file, "rb") as opened:
                    if job["skip"]:
                        opened.seek(job["skip"])
                    rest = opened.read()
                    data = data + rest if data else rest
            answer = self._looks.look(data, job, limits)
        except MemoryError:
            words = "it needs more memory than there is for one message"
            answer = {"troubles": [["too large", [], words]], "worn": True}
        except OSError as error:
            return {"failed": f"the message cannot be read: {error.strerror}"}
        if self._resident() > _WORN:
            answer["worn"] = True
        return answer

    def _resident(self) -> int:
        """Bytes in memory now. The peak that the system keeps (ru_maxrss) begins with that of the parent."""
        return int(os.pread(self._memory, 200, 0).split()[1]) * resource.getpagesize()

    def _start(self) -> tuple[int, int | None] | None:
        """The size of the next job, and the file that came with it; None when there is none."""
        head, files, _, _ = socket.recv_fds(self._channel, 4, 1)
        rest = self._read(4 - len(head)) if head else None
        return None if rest is None else (struct.unpack(">I", head + rest)[0], files[0] if files else None)

    def _read(self, size: int) -> bytes | None:
        """So many bytes; None when the other side has ended."""
        data = bytearray(size)
        view, at = memoryview(data), 0
        while at < size:
            number = self._channel.recv_into(view[at:])
            if not number:
                return None
            at += number
        return bytes(data)

    def _answer(self, answer: dict[str, Any], behind: tuple[bytes, ...] = ()) -> None:
        if behind:
            answer["hidden"] = [len(data) for data in behind]
        frame = json.dumps(answer).encode()
        self._channel.sendall(b"".join((struct.pack(">I", len(frame)), frame, *behind)))


def confine(memory: int, folders: list[str]) -> tuple[str, ...]:
    """Enter what holds this process from now on: `memory` in bytes, and the folders that it may read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for what, most in (
        (resource.RLIMIT_DATA, memory),  # not the address space: YARA-X reserves gigabytes that it never touches
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(what)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))
    return confinement.enter([Path(str(backend.__file__)).parent, *map(Path, folders)], alone=True)


def main(memory: int, folders: list[str]) -> None:
    """Serve the socket that is standard input."""
    bench = Bench(socket.socket(fileno=0))
    model.shipped()
    bench.serve(confine(memory, folders))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
