"""The child's side of the workshop: one job after the other from standard input, until that ends.

It reads files and writes none, starts nothing, and has limits of its own for memory and time.
"""

from __future__ import annotations

import ctypes
import json
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from backend.content.look import Looks
from backend.limits import Limits

_NO_NEW_PRIVILEGES = 38
_SPARE = 3  # seconds of processor time past those of the job
_WORN = 256 * 1024 * 1024  # bytes of memory that a child may have had before another takes its place


def main(memory: int) -> None:
    """Serve the socket that is standard input."""
    _confine(memory)
    channel = socket.socket(fileno=0)
    looks = Looks()
    while (head := _read(channel, 4)) is not None:
        size = struct.unpack(">I", head)[0]
        frame = _read(channel, size)
        if frame is None:
            return
        job = json.loads(frame)
        lessons = _read(channel, job["lessons"])
        data = _read(channel, job["inline"])
        if data is None or lessons is None:
            return
        if lessons:
            looks.teach(lessons)
        answer = json.dumps(_done(looks, job, data)).encode()
        channel.sendall(struct.pack(">I", len(answer)) + answer)


def _done(looks: Looks, job: dict[str, Any], data: bytes) -> dict[str, Any]:
    limits = Limits(**job["limits"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + limits.unpack_seconds + _SPARE
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        if job["path"]:
            with Path(job["path"]).open("rb") as file:
                file.seek(job["skip"])
                data += file.read()
        answer = looks.look(data, job, limits)
    except MemoryError:
        answer = {"troubles": [["too large", [], "it needs more memory than there is for one message"]], "worn": True}
    except OSError as error:
        return {"failed": f"the message cannot be read: {error.strerror}"}
    if _resident() > _WORN:
        answer["worn"] = True
    return answer


def _resident() -> int:
    """Bytes in memory now. The peak that the system keeps (ru_maxrss) begins with that of the parent at the fork."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def _read(channel: socket.socket, size: int) -> bytes | None:
    """So many bytes; None when the other side has ended."""
    data = bytearray(size)
    view, at = memoryview(data), 0
    while at < size:
        number = channel.recv_into(view[at:])
        if not number:
            return None
        at += number
    return bytes(data)


def _confine(memory: int) -> None:
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
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


if __name__ == "__main__":
    main(int(sys.argv[1]))
