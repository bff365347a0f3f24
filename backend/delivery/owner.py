"""Who holds a lease: a process by its host, its number and its start, so that the next one knows when it is dead."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path


def name() -> str:
    """A name for this process's runner: `mail/4711/88123/5f3c9a1e`."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_started(pid)}/{secrets.token_hex(4)}"


def dead(owner: str) -> bool:
    """Whether the process is known to be gone. One on another host is not known to be."""
    host, *rest = owner.split("/")
    if host != socket.gethostname() or len(rest) != 3 or not rest[0].isdecimal():
        return False
    pid = int(rest[0])
    return pid == os.getpid() or _started(pid) != rest[1]


def _started(pid: int) -> str:
    """When a process was started, in ticks since the boot; empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
