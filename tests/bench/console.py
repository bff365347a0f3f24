"""The console over SSH, with OpenSSH's client on this machine: login to first frame, key to changed screen while mail
comes in, and what twenty sessions cost in memory and in mail.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
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
_ROUNDS = 4  # of the walk in a run: enough keys for a 95th percentile
_MESSAGES = 4_000  # of one measurement of the rate
_USERS = ["bob", "carol", "dora"]
_TITLE = "Dashboard"
_WALK = (  # a key, and what it makes appear that was not drawn before
    ("4", "carol@"),  # another screen, with rows
    ("j", "carol@"),  # the row that the cursor comes to is drawn anew, and so is what is said of it
    ("j", "dora@"),
    ("k", "carol@"),
    ("?", "Keys"),
    ("\x1b", "carol@"),
    ("/", "part of the address"),
    ("z", "z"),
    ("\x1b", "account"),  # out of the line; the list is empty
    ("\x1b", "carol@"),  # the filter away: the service is asked
    ("2", "The queue is empty"),
    ("?", "Keys"),
    ("\x1b", "The queue is empty"),
    ("7", "7 Audit"),
    ("8", "8 Settings"),
    ("1", "Mail a minute"),
    ("?", "Keys"),
    ("\x1b", "Mail a minute"),
)


def measure(folder: Path, runs: int) -> list[Row]:
    """Milliseconds, MB and messages a second."""
    with BenchSite(folder / "site", _USERS) as site:
        site.start()
        (folder / "ssh").mkdir()
        ssh = Operator(site, folder / "ssh", "olga")
        with _console(ssh):  # the first one of all has the files read
            pass
        first = [_first_frame(ssh) for _ in range(runs)]
        with _console(ssh) as console:
            rest = [_percentile(console) for _ in range(runs)]
        with _load(site), _console(ssh) as console:
            keys = [_percentile(console) for _ in range(runs)]
        alone, crowded, memory = [], [], []
        for run in range(max(1, runs // 2)):
            for many in (False, True, True, False) if run % 2 else (True, False, False, True):
                if not many:
                    alone.append(_rate(site))
                    continue
                before = _proportional(site)
                with _consoles(ssh):
                    memory.append((_proportional(site) - before) / _SESSIONS)
                    crowded.append(_rate(site))
    return [
        Row("login over SSH to the first frame", "ms", first, under=300),
        Row("key to changed screen at rest, 95th percentile", "ms", rest, under=50),
        Row("key to changed screen under load, 95th percentile", "ms", keys, under=50),
        Row("memory of each of 20 sessions", "MB", memory, under=25),
        Row("mail with 20 sessions open (peer: none open)", "/s", crowded, alone, times=0.9),
    ]


@contextlib.contextmanager
def _consoles(ssh: Operator) -> Iterator[None]:
    """Twenty of them; each one's client takes what comes, as a terminal does."""
    with contextlib.ExitStack() as stack:
        consoles = [stack.enter_context(_console(ssh)) for _ in range(_SESSIONS)]
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                for number in select.select([console.child_fd for console in consoles], [], [], 0.2)[0]:
                    os.read(number, 65_536)

        thread = threading.Thread(target=read)
        thread.start()
        try:
            time.sleep(1)
            yield
        finally:
            over.set()
            thread.join()
    time.sleep(1)  # they are gone


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
    """Of a walk through the screens: other screens, the cursor, a filter, the help, and back."""
    times = [_answer(console, key, marker) for _ in range(_ROUNDS) for key, marker in _WALK]
    return statistics.quantiles(times, n=20)[-1]


def _answer(console: pexpect.spawn[str], key: str, marker: str) -> float:
    """Milliseconds from a key to what it makes appear."""
    console.delaybeforesend = None  # pexpect would wait 50 ms before each key, inside what is measured
    _quiet(console)
    start = time.perf_counter()
    console.send(key)
    console.expect_exact(marker)
    return (time.perf_counter() - start) * 1000


def _quiet(console: pexpect.spawn[str]) -> None:
    """Read what comes until nothing has come for a moment."""
    with contextlib.suppress(pexpect.TIMEOUT):
        for _ in itertools.repeat(None, 100):
            console.read_nonblocking(65_536, timeout=0.15)
    console.expect("(?s).*")  # what came behind the last marker may hold the next one


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
