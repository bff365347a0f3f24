"""Processes as /proc shows them: whose child is whose, what memory each holds, and the end of those we started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def children() -> dict[int, list[int]]:
    """Parent -> its children, of every process there is, the oldest first: numbers begin again at 1 some time."""
    tree: dict[int, list[tuple[int, int]]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208  one name a process, asked often
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue  # ended in between
        fields = stat.rpartition(")")[2].split()
        parent, started = int(fields[1]), int(fields[19])
        tree.setdefault(parent, []).append((started, int(entry)))
    return {parent: [pid for _, pid in sorted(some)] for parent, some in tree.items()}


def family(pid: int) -> list[int]:
    """`pid` and all its descendants, parents first."""
    tree = children()
    found = [pid]
    for member in found:
        found.extend(tree.get(member, ()))
    return found


def alive(pid: int) -> bool:
    """Whether `pid` runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def resident_bytes(pids: list[int]) -> int:
    """Memory of the processes: PSS (shared pages divided among their users), or RSS where PSS cannot be read."""
    return sum(_pss(pid) for pid in pids)


def _pss(pid: int) -> int:
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
    return 0


def end(process: subprocess.Popen[bytes], *, grace: float) -> int:
    """SIGTERM, then after `grace` seconds SIGKILL, to the process; its descendants never outlive it. Its exit code."""
    pids = family(process.pid)
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    left = [pid for pid in pids[1:] if alive(pid)]
    if process.poll() is None:
        left += [pid for pid in family(process.pid)[1:] if pid not in left]
        process.kill()
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    code = process.wait(60)
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.01)
    return code
