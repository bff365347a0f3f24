"""`mailconsole shell`: what OpenSSH runs for an operator, by ForceCommand or `command=` in authorized_keys.

sshd has checked who it is and says so in its environment. Each connection to management is bound to that operator, the
first one before anything of what the client sent is looked at.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import syslog
import termios
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

from backend import ids, logs
from backend.config import Settings
from backend.errors import BadInput, Denied
from mailconsole import problems
from mailconsole.remote import person
from mailconsole.ssh import child, command, confinement, control
from mailconsole.ssh.control import Control
from mailconsole.ssh.gate import Gate, Identity
from mailconsole.ssh.presence import Presence
from mailconsole.ssh.session import COMMAND, CONSOLE, CONTRACT, ENDED
from mailconsole.ssh.sessions import LATER, NOBODY
from mailconsole.ssh.terminal import RESTORE

_KEPT = ("TERM", "LANG", "LC_ALL", "COLORTERM", "NO_COLOR", "PATH", "HOME")  # of the environment that sshd gives
_PROOFS = 65_536  # bytes read of what sshd says of the log-in
_BLOCK = 32_768
_LOOK = 5.0  # seconds between looks whether anybody is there
_PR_SET_PDEATHSIG = 1


def run(settings: Settings, operator: str | None) -> int:
    """Serve who has logged in; the exit code. Raises MailError."""
    line = os.environ.get("SSH_ORIGINAL_COMMAND", "").strip()
    gate = Gate(settings.site.run / "management.sock")
    identity = _identity(gate, operator)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    kind = CONTRACT if line == CONTRACT else CONSOLE if terminal and line in ("", CONSOLE) else COMMAND
    if kind == COMMAND and not line:
        problems.say(command.HELP)
        return BadInput.exit_code
    session = ids.text(ids.new())
    connection = gate.bind(identity, kind, session)
    syslog.openlog("mailconsole", syslog.LOG_NDELAY | syslog.LOG_PID, syslog.LOG_MAIL)
    gate.close()
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    idle = settings.ssh.idle_minutes * 60
    if kind == CONSOLE:
        return _console(connection, lambda: gate.bind(identity, kind, session), idle)
    confinement.enter()
    return _relay(connection, idle) if kind == CONTRACT else command.run(line, connection, _crashed)


def _console(connection: socket.socket, bind: Callable[[], socket.socket], idle: float) -> int:
    """The console in a confined child. This process stays outside, for nothing but to get it another connection after
    management has started again, bound to the same operator, and to put the terminal right behind it.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is a key of the console
    with _restored():
        pid = os.fork()
        if pid == 0:
            ours.close()
            _child(theirs, connection, idle)
        theirs.close()
        connection.close()
        with ours:
            while packet := ours.recv(control.LARGEST):
                if json.loads(packet)["kind"] == control.CONNECT:
                    control.connect(ours, bind)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else problems.INTERNAL


def _child(theirs: socket.socket, connection: socket.socket, idle: float) -> NoReturn:
    """The console. Nothing of it returns into what the parent does."""
    code = problems.INTERNAL
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGHUP)  # not alone with the terminal
        confinement.enter()
        code = child.console(Control(theirs, connection).connect, _crashed, idle)
        sys.stderr.flush()
    except Exception:
        _crashed(logs.incident(), traceback.format_exc())
    finally:
        os._exit(code)


def _identity(gate: Gate, operator: str | None) -> Identity:
    """Who it is, from where and with which key. Denied when that is nobody."""
    origin = f"ssh {_peer()}"
    proofs = _proved()
    if operator is None:
        names = sorted({name for proof in proofs for name in gate.owners(*proof)})
        if not names:
            raise Denied(
                "No operator has the key of this log-in: `mailconsole operator key-add NAME KEY` gives it to one."
                " The site's sshd must have `ExposeAuthInfo yes`."
            )
        if len(names) > 1:
            raise Denied(f"This key is that of {' and '.join(names)}; say `--operator NAME` in authorized_keys.")
        operator = names[0]
    for algorithm, blob in proofs:
        answer = gate.key(operator, algorithm, blob)
        if answer["known"]:
            if answer["more"]:
                _code(gate, operator)
            return Identity(operator, _fingerprint(blob), origin)
    return Identity(operator, "", origin)


def _peer() -> str:
    """The client's address and port, as sshd tells them."""
    try:
        host, port, *_ = os.environ["SSH_CONNECTION"].split()
        ip_address(host.partition("%")[0])
    except (KeyError, ValueError):
        raise BadInput("`mailconsole shell` is for sshd to run; here it is `mailconsole console`.") from None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _proved() -> list[tuple[str, str]]:
    """Algorithm and key of each public key that the client has proved, from the file that ExposeAuthInfo makes."""
    named = os.environ.get("SSH_USER_AUTH")
    if not named:
        return []
    with Path(named).open(encoding="ascii", errors="replace") as file:
        lines = file.read(_PROOFS).splitlines()
    return [(words[1], words[2]) for line in lines if (words := line.split())[:1] == ["publickey"] and len(words) > 2]


def _fingerprint(blob: str) -> str:
    import base64
    import hashlib

    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")


def _code(gate: Gate, operator: str) -> None:
    """The one-time code of an operator who has that set."""
    if not person.there():
        raise Denied("A one-time code is wanted, which needs a terminal: ssh -t.")
    if not gate.totp(operator, person.secret("Code: ").strip(), _peer().rpartition(":")[0].strip("[]")):
        raise Denied("The code is wrong.")


def _relay(connection: socket.socket, idle: float) -> int:
    """Bytes between the client and management, until one of the two hangs up, or nobody has been there for `idle`
    seconds; 0: never.
    """
    presence = Presence()

    def forward() -> None:
        with contextlib.suppress(OSError):
            while block := os.read(0, _BLOCK):
                presence.heard(block)
                connection.sendall(block)
            connection.shutdown(socket.SHUT_WR)

    threading.Thread(target=forward, daemon=True).start()
    while not idle or time.monotonic() - presence.touched < idle + LATER:
        if not select.select([connection], [], [], _LOOK)[0]:
            continue
        if not (block := connection.recv(_BLOCK)):
            return 0
        while block:
            block = block[os.write(1, block) :]
    problems.say(NOBODY)
    return ENDED


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """The terminal as it was, whatever the console does to it."""
    modes = termios.tcgetattr(0)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(0, termios.TCSANOW, modes)
            os.write(1, RESTORE)


def _crashed(incident: str, trace: str) -> None:
    """Keep the traceback where sshd's own words go: the client must not see what is in the variables."""
    for line in (f"a session crashed, incident {incident}", *trace.splitlines()):
        syslog.syslog(syslog.LOG_ERR, line)
