"""The supervisor: binds the ports, drops its rights, starts the roles, and starts again what dies.

A role process inherits its sockets, and the reading end of a pipe whose writing end only the supervisor has: when
that closes, however the supervisor ended, the role ends too, so nobody is left behind to hold the ports.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import json
import logging
import os
import pwd
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backend import clock, logs
from backend.config import Settings
from backend.errors import BadInput, MailError, Permanent
from backend.settings_file import NEEDS_RESTART, differences, load
from backend.store.database import Store

_log = logging.getLogger("service")
_BACKLOG = 1_024
_DRAIN = 25.0  # seconds that roles have to finish before they are killed
_LONGEST_PAUSE = 10.0  # seconds before a role that keeps dying is started again
_GOOD_LIFE = 60.0  # seconds after which a death is the first again
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Kind:
    """A role: its name, the module with its `serve`, its ports by name, and how many processes it has."""

    name: str
    module: str
    ports: tuple[str, ...] = ()
    workers: bool = False  # as many as [workers] says, or one
    threads: bool = False  # its module has `run` for the whole process: no event loop, and no store


KINDS = (
    Kind("smtp", "backend.smtp.role", ("smtp", "submission", "submissions"), workers=True),
    Kind("delivery", "backend.delivery.role"),
    Kind("management", "backend.management.role"),
    Kind("sshd", "mailconsole.ssh.role", ("ssh",), threads=True),
)


def serve(settings: Settings, role: str | None = None) -> int:
    """Run the whole service, or one role of it, until told to stop; the exit code."""
    if role is not None:
        return _run_role(settings, kind(role))
    logs.start(settings.log.level, "service")
    with _only_one(settings.site.run):
        listeners = bind(settings, KINDS)
        _drop_rights(settings)
        _migrate(settings)
        return _Supervisor(settings, listeners).run()


def _run_role(settings: Settings, kind: Kind) -> int:
    if not kind.threads:
        from backend import run_role  # uvloop and the rest: not in the supervisor

        return run_role.run(settings, kind)
    logs.start(settings.log.level, f"{kind.name}.{os.environ.get('MAILCONSOLE_SLOT', '0')}")
    try:
        code: int = importlib.import_module(kind.module).run(settings, kind)
        return code
    except MailError:
        raise
    except Exception:
        _log.exception("the role failed")
        return 70


def kind(name: str) -> Kind:
    """The role of that name."""
    for known in KINDS:
        if known.name == name:
            return known
    raise BadInput(f"There is no role {name!r}; the roles are {', '.join(known.name for known in KINDS)}.")


def bind(settings: Settings, kinds: Iterable[Kind]) -> dict[str, list[socket.socket]]:
    """Listening sockets by the name of their port; Permanent with a sentence when one cannot be had."""
    listeners: dict[str, list[socket.socket]] = {}
    addresses = settings.listen.addresses
    if not _has_ipv6():  # the usual settings name both families
        addresses = tuple(address for address in addresses if address not in ("::", "::1")) or addresses
    for name in [name for one in kinds for name in one.ports]:
        port = getattr(settings.listen, name)
        for address in addresses if port else ():
            listeners.setdefault(name, []).append(_listener(address, port))
    return listeners


def listeners(settings: Settings, kind: Kind) -> dict[str, list[socket.socket]]:
    """The sockets of a role's process: those that the supervisor handed down, or new ones."""
    numbers: dict[str, list[int]] = json.loads(os.environ.get("MAILCONSOLE_LISTEN", "{}"))
    if not numbers:
        return bind(settings, [kind])
    return {name: [socket.socket(fileno=number) for number in some] for name, some in numbers.items()}


def lifeline() -> list[int]:
    """What a role's process watches: it is at its end when the supervisor is. Empty for a role that runs alone."""
    number = os.environ.get("MAILCONSOLE_LIFELINE")
    return [int(number)] if number else []


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _listener(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        if isinstance(error, PermissionError):
            raise Permanent(f"No right to listen on {where}; start as root, or choose ports from 1024 on.") from error
        if error.errno == 98:  # EADDRINUSE
            raise Permanent(
                f"The port {where} is taken{_holder(port)}; stop that program or change [listen] in the settings."
            ) from error
        raise Permanent(f"Cannot listen on {where}: {error.strerror}; see [listen] addresses.") from error
    listener.setblocking(False)
    return listener


def _holder(port: int) -> str:
    """` by pid 123 (master)`, when /proc tells."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{words[9]}]")
    for folder in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(folder.readlink()) in inodes:
                process = folder.parts[2]
                return f" by pid {process} ({Path('/proc', process, 'comm').read_text().strip()})"
    return ""


@contextlib.contextmanager
def _only_one(run: Path) -> Iterator[None]:
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (run / "service.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Permanent(f"The service is running already, as pid {file.read().strip() or 'unknown'}.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _drop_rights(settings: Settings) -> None:
    """Go on as site.user, with no way back."""
    name = settings.site.user
    if not name or os.getuid() != 0:
        return
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise BadInput(f"[site] user: there is no user {name!r} on this host.") from None
    site = settings.site
    for folder in (site.data, site.run):
        if folder.stat().st_uid != user.pw_uid:
            raise Permanent(f"{folder} does not belong to {name}; run: chown -R {name}: {site.data} {site.run}")
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def _migrate(settings: Settings) -> None:
    """Bring the tables of an older release up to date. A store that cannot be opened now is waited for by the roles."""
    folder = settings.site.data
    if not (folder / "mail.db").exists():
        return
    try:
        if not Store.outdated(folder):
            return
        _log.info("the store is brought up to date", extra=logs.fields(store=str(folder)))
        Store.create(folder)
    except (sqlite3.Error, OSError) as error:
        _log.error("the store cannot be brought up to date: %s", error)


@dataclass(slots=True)
class _Process:
    kind: Kind
    slot: int
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    quick_deaths: int = 0
    start_at: float = 0.0


@dataclass(slots=True)
class _Supervisor:
    settings: Settings
    listeners: dict[str, list[socket.socket]]
    processes: list[_Process] = field(default_factory=list)
    stopping: bool = False

    def run(self) -> int:
        # What outlives its role comes here, and not to init: `management.peers` knows by that what the service started.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        reading, writing = os.pipe()  # the lifeline
        wake_reading, wake_writing = os.pipe()
        os.set_blocking(wake_writing, False)
        signal.set_wakeup_fd(wake_writing)
        received: list[int] = []
        for number in _SIGNALS:
            signal.signal(number, lambda caught, _: received.append(caught))
        slot = 0
        for one in KINDS:
            for _ in range(self.settings.workers.smtp or os.cpu_count() or 1 if one.workers else 1):
                self.processes.append(_Process(one, slot))
                slot += 1
        _log.info("service starts", extra=logs.fields(pid=os.getpid(), settings=str(self.settings.path)))
        deadline = 0.0
        try:
            while True:
                while received:
                    match received.pop(0):
                        case signal.SIGTERM | signal.SIGINT if not self.stopping:
                            self.stopping, deadline = True, time.monotonic() + _DRAIN
                            self._signal(signal.SIGTERM)
                        case signal.SIGHUP:
                            self._reload()
                self._reap()
                if self.stopping:
                    if not any(process.child for process in self.processes):
                        break
                    if time.monotonic() > deadline:
                        self._signal(signal.SIGKILL)
                else:
                    self._start(reading)
                select.select([wake_reading], [], [], self._pause(deadline))
                with contextlib.suppress(BlockingIOError):
                    os.set_blocking(wake_reading, False)
                    os.read(wake_reading, 512)
        finally:
            self._signal(signal.SIGKILL)
            os.close(writing)
            for name in ("roles.json", "management.sock", "delivery.wake"):
                (self.settings.site.run / name).unlink(missing_ok=True)
        _log.info("service has stopped")
        return 0

    def _start(self, lifeline: int) -> None:
        for process in self.processes:
            if process.child is not None or process.start_at > time.monotonic():
                continue
            sockets = {name: self.listeners.get(name, []) for name in process.kind.ports}
            numbers = {name: [one.fileno() for one in some] for name, some in sockets.items()}
            environment = {
                **os.environ,
                "MAILCONSOLE_LISTEN": json.dumps(numbers),
                "MAILCONSOLE_SLOT": str(process.slot),
                "MAILCONSOLE_LIFELINE": str(lifeline),
            }
            command = [sys.executable, "-m", "mailconsole", "--config", str(self.settings.path), "serve"]
            process.child = subprocess.Popen(
                [*command, "--role", process.kind.name],
                pass_fds=[lifeline, *(number for some in numbers.values() for number in some)],
                env=environment,
                stdin=subprocess.DEVNULL,
            )
            process.started = clock.now()
            self._write_down()

    def _reap(self) -> None:
        for process in self.processes:
            if process.child is None or (code := process.child.poll()) is None:
                continue
            ended, process.child = process.child.pid, None
            if self.stopping:
                continue
            process.restarts += 1
            process.quick_deaths = 0 if clock.now() - process.started > _GOOD_LIFE else process.quick_deaths + 1
            pause = min(_LONGEST_PAUSE, 0.25 * 2 ** (process.quick_deaths - 2)) if process.quick_deaths > 1 else 0.0
            process.start_at = time.monotonic() + pause
            _log.error(
                "role ended; starting it again",
                extra=logs.fields(role=process.kind.name, slot=process.slot, pid=ended, code=code, after=pause),
            )
            self._write_down()
        self._bury()

    def _bury(self) -> None:
        """Take note of the end of what came here from a role that has ended."""
        own = {process.child.pid for process in self.processes if process.child}
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in own:
                os.waitpid(ended.si_pid, 0)

    def _pause(self, deadline: float) -> float | None:
        """How long nothing has to be done."""
        if self.stopping:
            return max(0.05, deadline - time.monotonic())
        waiting = [process.start_at - time.monotonic() for process in self.processes if process.child is None]
        return max(0.01, min(waiting)) if waiting else None

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            if process.child is not None:
                process.child.send_signal(number)

    def _reload(self) -> None:
        try:
            new = load(self.settings.path)
        except MailError as error:
            _log.error("the settings are wrong; going on with the old ones: %s", error)
            return
        for key, old, value in differences(self.settings, new):
            later = " (after a restart)" if key in NEEDS_RESTART else ""
            _log.info("settings: %s is now %s, was %s%s", key, value, old, later)
        self.settings = new
        self._signal(signal.SIGHUP)

    def _write_down(self) -> None:
        rows = [
            {
                "role": process.kind.name,
                "slot": process.slot,
                "pid": process.child.pid if process.child else None,
                "state": "running" if process.child else "restarting",
                "started": clock.rfc3339(process.started),
                "restarts": process.restarts,
            }
            for process in self.processes
        ]
        path = self.settings.site.run / "roles.json"
        with contextlib.suppress(OSError):  # a full disk must not end the service
            path.with_suffix(".new").write_text(json.dumps(rows))
            path.with_suffix(".new").rename(path)
