"""The parts of the SSH server that need no network."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backend.config import Settings
from backend.errors import Temporary
from backend.limits import Limits
from backend.management import rpc
from backend.management.client import Client
from backend.management.codec import to_json
from backend.management.snapshots.hello import Hello
from mailconsole.attended import Attended
from mailconsole.ssh import hostkey
from mailconsole.ssh.admission import Admission, network_of
from mailconsole.ssh.console import RemoteConsole
from mailconsole.ssh.presence import Presence
from mailconsole.ssh.sessions import Sessions
from mailconsole.ssh.terminal import Terminal
from tests.harness.site import ROOT
from tests.screens.conftest import until


@dataclass(eq=False)
class Guest:
    """Counts how often it is pushed out."""

    network: str
    dropped: int = 0

    def drop(self) -> None:
        """Hang up."""
        self.dropped += 1


LIMITS = Limits(ssh_connections=4, ssh_connections_per_ip=2, ssh_half_open=6, ssh_half_open_per_ip=3)


def test_who_has_not_logged_in_is_pushed_out() -> None:
    admission = Admission(LIMITS)
    flood = [Guest("a") for _ in range(10)]
    assert all(admission.enter(guest) for guest in flood)
    assert sum(guest.dropped for guest in flood) == 7
    others = [Guest("b"), Guest("b"), Guest("c")]
    assert all(admission.enter(guest) for guest in others)
    assert sum(guest.dropped for guest in flood) == 7
    assert admission.enter(Guest("d"))
    assert sum(guest.dropped for guest in flood) == 8  # from where most are
    assert not any(guest.dropped for guest in others)


def test_who_has_logged_in_stays_and_counts() -> None:
    admission = Admission(LIMITS)
    guests = [Guest("a"), Guest("a"), Guest("b"), Guest("b")]
    for guest in guests:
        assert admission.enter(guest)
        assert admission.logged_in(guest)
    assert not admission.enter(Guest("c"))  # the fifth in all
    admission.leave(guests[2])
    assert not admission.enter(Guest("a"))  # the third from there
    assert admission.enter(Guest("c"))


def test_who_was_pushed_out_does_not_log_in() -> None:
    admission = Admission(Limits(ssh_half_open=1))
    first = Guest("a")
    admission.enter(first)
    admission.enter(Guest("b"))
    assert not admission.logged_in(first)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((80, 24), (80, 24)),
        ((0, 0), (80, 24)),
        ((1, 1), (1, 1)),
        ((501, 301), (500, 300)),
        ((2**32 - 1, 2**31), (500, 300)),
    ],
)
def test_sizes_are_clamped(given: tuple[int, int], kept: tuple[int, int]) -> None:
    terminal = Terminal()
    terminal.resize(*given)
    assert (terminal.columns, terminal.rows) == kept


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        (b"LANG", b"de_DE.UTF-8", True),
        (b"NO_COLOR", b"", True),
        (b"COLORTERM", b"truecolor", True),
        (b"COLUMNS", b"10", False),
        (b"TEXTUAL_DRIVER", b"os", False),
        (b"LD_PRELOAD", b"x", False),
        (b"LANG", b"$(id)", False),
        (b"LANG", b"x" * 65, False),
        (b"LANG", b"\xff", False),
    ],
)
def test_the_environment(name: bytes, value: bytes, taken: bool) -> None:
    terminal = Terminal()
    assert terminal.accept(name, value) is taken
    assert set(terminal.variables()) <= {"LANG", "LC_ALL", "COLORTERM", "NO_COLOR"}


@pytest.mark.parametrize(
    ("term", "kept"),
    [
        (b"xterm-kitty", "xterm-kitty"),
        (b"", "xterm-256color"),
        (b"../x", "xterm-256color"),
        (b"\x1b[2J", "xterm-256color"),
    ],
)
def test_term(term: bytes, kept: str) -> None:
    terminal = Terminal()
    terminal.name(term)
    assert terminal.variables()["TERM"] == kept


def test_a_host_key_is_made_once(tmp_path: Path) -> None:
    key = tmp_path / "ssh" / "host_key"
    hostkey.make(key)
    first = hostkey.fingerprint(key)
    hostkey.make(key)
    assert hostkey.fingerprint(key) == first
    assert key.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout
    assert first in shown


def test_a_confined_child_reads_nothing_of_the_site(tmp_path: Path) -> None:
    """Where the kernel can hold it: no files but the program's, no connection, no program, no signal to others."""
    (tmp_path / "mail.db").write_text("secret")
    script = f"""
import os, socket
from mailconsole.ssh import confinement
held = confinement.enter()
tries = dict(
    read=lambda: open({str(tmp_path / "mail.db")!r}).read(), write=lambda: open({str(tmp_path / "new")!r}, "w"),
    look=lambda: os.listdir({str(tmp_path)!r}), connect=lambda: socket.socket(socket.AF_UNIX),
    run=lambda: os.execv("/bin/true", ["true"]), signal=lambda: os.kill(os.getppid(), 0),
)
for name, one in tries.items():
    try:
        one()
    except PermissionError:
        tries[name] = None
import screens.help
print(*held, *(name for name, one in tries.items() if one), sep=",")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    words = done.stdout.strip().split(",")
    if words[:2] != ["landlock", "seccomp"]:
        pytest.skip("this kernel has not both")
    assert words == ["landlock", "seccomp"]


async def test_an_idle_console_warns_and_any_key_keeps_it() -> None:
    from backend.management.client import NotRunning

    async def nobody() -> Client:
        raise NotRunning("Nobody is there.")

    console = RemoteConsole(nobody, lambda incident, trace: None, idle=6.0)
    async with console.run_test() as pilot:
        await until(pilot, lambda: console._warned)
        await pilot.press("q")  # answers the warning, and does not quit
        assert not console._warned
        pressed = time.monotonic()
        await until(pilot, lambda: console.timed_out)
        assert time.monotonic() - pressed >= 5.5


async def test_a_console_elsewhere_ends_when_the_service_says_so() -> None:
    """The greeting says how long it waits; the host hears of keys that ask it nothing."""
    asked: list[str] = []

    class Service(Client):
        def __init__(self) -> None:
            pass

        async def call(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
            asked.append(name)
            if name == "hello":
                return to_json(Hello("1", rpc.CONTRACT, "olga", "sysadmin", (), idle_seconds=4))
            raise Temporary("Not now.")

        async def close(self) -> None:
            pass

    async def connect() -> Client:
        return Service()

    console = Attended(connect)
    async with console.run_test() as pilot:
        await until(pilot, lambda: asked.count("hello") == 1)
        await asyncio.sleep(0.5)  # a key within a tenth of the time is not told
        await pilot.press("j")
        await until(pilot, lambda: asked.count("hello") == 2)
        assert not console.timed_out
        await until(pilot, lambda: console.timed_out)


def test_presence() -> None:
    """What a screen repeats is nobody; what is new is somebody, in however many pieces it comes."""
    presence = Presence()
    presence.touched = 0.0

    def heard(*blocks: bytes) -> bool:
        before, presence.touched = presence.touched, 0.0
        for block in blocks:
            presence.heard(block)
        found = presence.touched > 0
        presence.touched = before
        return found

    status = b'{"jsonrpc":"2.0","id":1,"method":"status","params":{}}\n'
    assert heard(status)
    assert not heard(status.replace(b'"id":1', b'"id":2'))
    assert not heard(status[:20])
    assert not heard(status[20:])
    assert heard(status.replace(b"{}", b'{"limit":7}')[:30], status.replace(b"{}", b'{"limit":7}')[30:])
    hello = status.replace(b"status", b"hello")
    assert heard(hello)
    assert heard(hello)
    assert not heard(b"no request\n", b"x" * 2_000_000)


def test_pty_is_that_of_the_client() -> None:
    terminal = Terminal()
    terminal.resize(100, 30)
    ours, theirs = terminal.open(raw=True)
    try:
        assert os.get_terminal_size(theirs) == (100, 30)
    finally:
        os.close(ours)
        os.close(theirs)


def test_sessions_have_a_limit_in_all_and_for_each_operator() -> None:
    settings = Settings(limits=Limits(ssh_sessions=3, ssh_sessions_per_operator=2))
    sessions = Sessions(settings)

    def session(operator: str) -> Any:
        return SimpleNamespace(id=object(), identity=SimpleNamespace(operator=operator))

    olga = session("olga")
    for one in (olga, session("olga")):
        sessions.add(one)
    with pytest.raises(Temporary, match="olga has 2 sessions"):
        sessions.add(session("olga"))
    sessions.add(session("paula"))
    with pytest.raises(Temporary, match="Too many"):
        sessions.add(session("henry"))
    sessions.remove(olga)
    sessions.add(session("henry"))
