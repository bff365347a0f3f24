"""One shell, command or contract: bytes between an SSH channel and the child, or the service, that answers it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramiko import Channel

from backend import ids, logs
from backend.errors import MailError
from mailconsole.problems import INTERNAL
from mailconsole.ssh import control as words
from mailconsole.ssh.gate import Identity
from mailconsole.ssh.presence import Presence
from mailconsole.ssh.process import Process
from mailconsole.ssh.terminal import RESTORE, Terminal

if TYPE_CHECKING:
    from mailconsole.ssh.server import Server

_log = logging.getLogger("ssh")
CONSOLE, COMMAND, CONTRACT = "console", "command", "contract"
ENDED = 75  # exit code of a session that was ended: try again later
_BLOCK = 32_768
_TICK = 0.5  # seconds between looks whether the client is still there
_GRACE = 2.0  # seconds for a child that has said all to end

Sink = Callable[[bytes], object]


@dataclass(eq=False)
class Session:
    """Runs in a thread of its own. `line`: of a command."""

    server: Server
    identity: Identity
    channel: Channel
    terminal: Terminal
    kind: str
    line: str = ""
    id: str = field(default_factory=lambda: ids.text(ids.new()))
    touched: float = field(default_factory=time.monotonic)  # when the client last sent something
    reason: str = ""  # why it was ended from here
    over: bool = False
    _pty: int = -1

    def start(self) -> None:
        """Begin; does not wait."""
        threading.Thread(target=self._run, name=f"session {self.id}", daemon=True).start()

    def end(self, reason: str) -> None:
        """End soon, and tell the client why."""
        self.reason = self.reason or reason

    def resized(self) -> None:
        """The client's window has another size."""
        if self._pty >= 0:
            with contextlib.suppress(OSError):
                self.terminal.apply(self._pty)

    def _run(self) -> None:
        fields = logs.fields(session=self.id, operator=self.identity.operator, kind=self.kind)
        code = ENDED
        self.channel.settimeout(self.server.settings.limits.ssh_write_seconds)
        try:
            self.server.sessions.add(self)
            connection = self.server.gate.bind(self.identity, self.kind, self.id)
            _log.info("session begins", extra=logs.fields(**fields["fields"], origin=self.identity.origin))
            with connection:
                code = self._relay(connection) if self.kind == CONTRACT else self._serve(connection)
        except MailError as error:
            code = error.exit_code
            self._say(str(error))
        except OSError as error:  # the channel is closed
            _log.info("session broke off: %s", error, extra=fields)
        except Exception:
            incident = logs.incident()
            fields["fields"]["incident"] = incident
            _log.exception("session failed", extra=fields)
            self._say(f"Something went wrong in the service; its log has it as incident {incident}.")
            code = INTERNAL
        finally:
            self.over = True
            self.server.sessions.remove(self)
            with contextlib.suppress(OSError):
                self.channel.send_exit_status(code)
                self.channel.close()
            _log.info("session has ended", extra=logs.fields(**fields["fields"], code=code, reason=self.reason or None))

    def _say(self, sentence: str) -> None:
        """A line to the person: on the terminal, or beside the data."""
        with contextlib.suppress(OSError):
            if self.terminal.term:
                self.channel.sendall(f"mailconsole: {sentence}\r\n".encode())
            else:
                self.channel.sendall_stderr(f"mailconsole: {sentence}\n".encode())

    # A child

    def _serve(self, connection: socket.socket) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {
            "kind": self.kind,
            "line": self.line,
            "terminal": bool(self.terminal.term),
            "environment": self.terminal.variables(),
            "idle": self.server.settings.ssh.idle_minutes * 60,
        }
        with ours, theirs:
            source, sinks, standard = self._streams()
            try:
                pid = self.server.nursery.child(order, [theirs.fileno(), connection.fileno(), *standard])
            except BaseException:
                _close(source, *sinks)
                raise
            finally:
                _close(*set(standard))
            theirs.close()
            connection.close()
            process = Process(pid)
            threading.Thread(target=self._feed, args=[source], name=f"input {self.id}", daemon=True).start()
            try:
                self._pump(sinks, ours)
                if not self._gone():
                    process.wait(_GRACE)
            finally:
                code = process.end()
                self._pty = -1
                _close(*sinks)
        return self._farewell(code)

    def _streams(self) -> tuple[int, dict[int, Sink], list[int]]:
        """Where input goes, where output comes from and goes to, and the child's ends of all that."""
        if self.terminal.term:
            pty, theirs = self.terminal.open(raw=self.kind == CONSOLE)
            self._pty = pty
            return os.dup(pty), {pty: self.channel.sendall}, [theirs, theirs, theirs]
        (stdin, source), (stdout, to_stdout), (stderr, to_stderr) = os.pipe(), os.pipe(), os.pipe()
        return (
            source,
            {stdout: self.channel.sendall, stderr: self.channel.sendall_stderr},
            [stdin, to_stdout, to_stderr],
        )

    def _feed(self, source: int) -> None:
        """What the client sends, to the child, until one of them has had enough."""
        try:
            for block in self._received():
                while block:
                    block = block[os.write(source, block) :]
        except OSError:
            return
        finally:
            os.close(source)

    def _received(self) -> Iterator[bytes]:
        while not self.over:
            try:
                block = self.channel.recv(_BLOCK)
            except TimeoutError:
                continue
            if not block:
                return
            if self.kind != CONTRACT:  # a screen that keeps itself fresh is nobody
                self.touched = time.monotonic()
            yield block

    def _pump(self, sinks: dict[int, Sink], control: socket.socket) -> None:
        """What the child says, to the client, until there is no more or the client is gone."""
        with selectors.DefaultSelector() as selector:
            for number, sink in sinks.items():
                selector.register(number, selectors.EVENT_READ, sink)
            selector.register(control, selectors.EVENT_READ)
            left = len(sinks)
            while left and not self._gone():
                for key, _ in selector.select(_TICK):
                    if key.fileobj is control:
                        if not self._obey(control):
                            selector.unregister(control)
                    elif block := _read(key.fd):
                        key.data(block)
                    else:
                        selector.unregister(key.fd)
                        left -= 1

    def _gone(self) -> bool:
        transport = self.channel.get_transport()
        return bool(self.reason) or self.channel.closed or not transport.is_active()

    def _obey(self, control: socket.socket) -> bool:
        """Do what the child asks for. Whether it may ask again."""
        packet = control.recv(words.LARGEST)
        if not packet:
            return False
        message = json.loads(packet)
        if message["kind"] == words.CRASH:
            fields = logs.fields(incident=message["incident"], session=self.id, traceback=message["trace"])
            _log.error("a session's child crashed", extra=fields)
        elif message["kind"] == words.CONNECT:
            words.connect(control, lambda: self.server.gate.bind(self.identity, self.kind, self.id))
        return True

    def _farewell(self, code: int) -> int:
        """Leave the terminal as it was, and say what the child could not. The exit code for the client."""
        with contextlib.suppress(OSError):
            if self.kind == CONSOLE and not self.channel.closed:
                self.channel.sendall(RESTORE)
            if self.reason:
                self._say(self.reason)
                return ENDED
            if self._gone():
                return ENDED
            if code < 0:
                incident = logs.incident()
                fields = logs.fields(incident=incident, session=self.id, signal=-code)
                _log.error("a session's child was killed", extra=fields)
                self._say(f"the {self.kind} failed; the service's log has it as incident {incident}. Mail goes on.")
        return code if code >= 0 else INTERNAL

    # The contract

    def _relay(self, connection: socket.socket) -> int:
        """The client speaks with management itself, as the operator that the connection is bound to."""
        threading.Thread(target=self._forward, args=[connection], name=f"input {self.id}", daemon=True).start()
        while not self._gone():
            ready, _, _ = select.select([connection], [], [], _TICK)
            if ready:
                if not (block := connection.recv(_BLOCK)):
                    break
                self.channel.sendall(block)
        if self.reason:
            self._say(self.reason)
            return ENDED
        return 0

    def _forward(self, connection: socket.socket) -> None:
        presence = Presence()
        with contextlib.suppress(OSError):
            for block in self._received():
                presence.heard(block)
                self.touched = presence.touched
                connection.sendall(block)
            connection.shutdown(socket.SHUT_WR)


def _read(number: int) -> bytes:
    """What is there; empty at the end, which a pty tells by an error."""
    try:
        return os.read(number, _BLOCK)
    except OSError:
        return b""


def _close(*numbers: int) -> None:
    for number in numbers:
        with contextlib.suppress(OSError):
            os.close(number)
