"""The console over SSH, with OpenSSH's client on this machine: login to first frame, key to changed screen while mail
comes in, and what twenty sessions cost in memory and in mail.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect

from tests.bench.load import BenchSite, smtp_source
from tests.bench.memory import MB
from tests.bench.table import Row
from tests.harness.processes import family
from tests.ssh.conftest import Operator

_SESSIONS = 20
_KEYS = 40  # a run: enough for a 95th percentile
_MESSAGES = 4_000  # of one measurement of the rate
_TITLE, _HELP = "Dashboard", "Keys"


def measure(folder: Path, runs: int) -> list[Row]:
    """Milliseconds, MB and messages a second."""
    with BenchSite(folder / "site", ["bob"]) as site:
        site.start()
        (folder / "ssh").mkdir()
        ssh = Operator(site, folder / "ssh", "olga")
        with _console(ssh):  # the first one of all has the files read
            pass
        first = [_first_frame(ssh) for _ in range(runs)]
        with _load(site), _console(ssh) as console:
            keys = [_percentile(console) for _ in range(runs)]
        alone, crowded, memory = [], [], []
        for _ in range(max(1, runs // 2)):
            alone.append(_rate(site))
            before = _proportional(site)
            with contextlib.ExitStack() as stack:
                for _ in range(_SESSIONS):
                    stack.enter_context(_console(ssh))
                time.sleep(1)
                memory.append((_proportional(site) - before) / _SESSIONS)
                crowded.append(_rate(site))
            time.sleep(1)
    return [
        Row("login over SSH to the first frame", "ms", first, under=300),
        Row("key to changed screen under load, 95th percentile", "ms", keys, under=50),
        Row("memory of each of 20 sessions", "MB", memory, under=25),
        Row("mail with 20 sessions open (peer: none open)", "/s", crowded, alone, times=0.9),
    ]


@contextlib.contextmanager
def _console(ssh: Operator) -> Iterator[pexpect.spawn[str]]:
    console = ssh.terminal()
    try:
        console.expect_exact(_TITLE)
        yield console
    finally:
        console.close(force=True)


def _first_frame(ssh: Operator) -> float:
    start = time.perf_counter()
    with _console(ssh):
        return (time.perf_counter() - start) * 1000


def _percentile(console: pexpect.spawn[str]) -> float:
    """Of opening and closing the help: a whole new screen each time."""
    console.delaybeforesend = None  # pexpect would wait 50 ms before each key, inside what is measured
    times = []
    for _ in range(_KEYS):
        _quiet(console)
        start = time.perf_counter()
        console.send("?")
        console.expect_exact(_HELP)
        times.append((time.perf_counter() - start) * 1000)
        console.send("\x1b")
        _quiet(console)
    return statistics.quantiles(times, n=20)[-1]


def _quiet(console: pexpect.spawn[str]) -> None:
    """Read what comes until nothing has come for a moment."""
    with contextlib.suppress(pexpect.TIMEOUT):
        for _ in itertools.repeat(None, 100):
            console.read_nonblocking(65_536, timeout=0.15)


@contextlib.contextmanager
def _load(site: BenchSite) -> Iterator[None]:
    """Mail that comes in all the while."""
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            smtp_source(site.smtp, f"bob@{site.domain}", messages=1_000, sessions=10)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _rate(site: BenchSite) -> float:
    start = time.monotonic()
    smtp_source(site.smtp, f"bob@{site.domain}", messages=_MESSAGES, sessions=20)
    return _MESSAGES / (time.monotonic() - start)


def _proportional(site: BenchSite) -> float:
    """Memory of all processes in MB; what some share is divided among them."""
    total = 0
    for pid in family(site.pids()[0]):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total / MB
