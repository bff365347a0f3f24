"""A mail host that misbehaves on purpose: at each stage it answers as it is told, hangs, or goes away.

For what no real mail host can be brought to do. It answers 2xx where its script is silent, takes PIPELINING and
STARTTLS, and keeps what it received.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.harness.ports import free_port

HANG = "HANG"  # answer nothing until the other side gives up
CLOSE = "CLOSE"  # end the connection instead of answering

Answer = str | Callable[[str], str]  # a reply, HANG or CLOSE; or a function of the command line that gives one
STAGES = ("BANNER", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "BODY", "QUIT")  # BODY: after the final dot

_USUAL = {
    "BANNER": "220 sink.test ESMTP",
    "HELO": "250 sink.test",
    "STARTTLS": "220 2.0.0 go ahead",
    "DATA": "354 go ahead",
    "BODY": "250 2.0.0 taken",
    "QUIT": "221 2.0.0 bye",
}


class _Gone(Exception):
    """The connection is over."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message taken."""

    mail: str  # the MAIL command
    rcpts: tuple[str, ...]  # the RCPT commands that got 2xx
    data: bytes  # without dot-stuffing
    tls: bool
    session: int  # which connection brought it, from 1

    @property
    def recipients(self) -> list[str]:
        """The forward-paths."""
        return [rcpt.partition("<")[2].partition(">")[0] for rcpt in self.rcpts]

    @property
    def sender(self) -> str:
        """The reverse-path."""
        return self.mail.partition("<")[2].partition(">")[0]


@dataclass
class Sink:
    """A mail host on host:port with a script: stage -> answer. The script may change while it runs."""

    script: Mapping[str, Answer] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 0
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 104857600", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    messages: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    sessions: int = 0

    def __enter__(self) -> Self:
        self.port = self.port or free_port(self.host)
        self._open: set[socket.socket] = set()
        self._stopped = threading.Event()
        self._listener = socket.create_server((self.host, self.port), backlog=128)
        self._thread = threading.Thread(target=self._accept, name=f"sink {self.port}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    @property
    def address(self) -> str:
        """As `to = ` of a route wants it."""
        return f"{self.host}:{self.port}"

    def count(self, command: str) -> int:
        """How many commands began so."""
        return sum(line.upper().startswith(command.upper()) for line in list(self.commands))

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sessions += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, self.sessions), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        session = _Session(self, connection, number)
        with contextlib.suppress(_Gone, OSError):
            session.run()
        self._open.discard(connection)
        session.socket.close()

    def stopped(self, seconds: float) -> bool:
        """Wait so long, or until the sink stops; whether it did."""
        return self._stopped.wait(seconds)


class _Session:
    """One connection."""

    def __init__(self, sink: Sink, connection: socket.socket, number: int) -> None:
        self.sink = sink
        self.socket = connection
        self.number = number
        self.tls = False
        self.buffer = bytearray()
        self.mail = ""
        self.rcpts: list[str] = []

    def run(self) -> None:
        self.say("BANNER", "")
        while True:
            line = self.line().decode("utf-8", "surrogateescape")
            self.sink.commands.append(line)
            verb = line[:4].upper()
            if verb == "STAR":
                self.starttls(line)
            elif verb == "DATA":
                self.data(line)
            elif verb in {"EHLO", "MAIL", "RCPT", "QUIT", "HELO", "RSET"}:
                self.command(verb, line)
            else:
                self.say(verb, line)

    def command(self, verb: str, line: str) -> None:
        accepted = self.say(verb, line)
        if verb in {"EHLO", "HELO", "RSET"} or (verb == "MAIL" and accepted):
            self.mail, self.rcpts = (line if verb == "MAIL" else ""), []
        elif verb == "RCPT" and accepted:
            self.rcpts.append(line)
        elif verb == "QUIT":
            raise _Gone

    def starttls(self, line: str) -> None:
        if self.say("STARTTLS", line) and self.sink.tls is not None:
            self.socket = self.sink.tls.wrap_socket(self.socket, server_side=True)
            self.tls = True
            self.buffer.clear()

    def data(self, line: str) -> None:
        if not self.rcpts:
            self.socket.sendall(b"554 5.5.1 no valid recipients\r\n")
            return
        if not self.say("DATA", line):
            return
        while not (self.buffer.startswith(b".\r\n") or b"\r\n.\r\n" in self.buffer):
            self.more()
        body, _, rest = (b"\r\n" + bytes(self.buffer)).partition(b"\r\n.\r\n")
        self.buffer[:] = rest
        body = (body + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
        received = Received(self.mail, tuple(self.rcpts), body, self.tls, self.number)
        if self.say("BODY", line):
            self.sink.messages.append(received)
        self.mail, self.rcpts = "", []

    def say(self, stage: str, line: str) -> bool:
        """Answer a stage; whether the answer was 2xx or 3xx."""
        answer = self.sink.script.get(stage) or self.usual(stage)
        if callable(answer):
            answer = answer(line) or self.usual(stage)
        if answer == CLOSE:
            raise _Gone
        if answer == HANG:
            self.hang()
        self.socket.sendall("".join(f"{part}\r\n" for part in answer.split("\n")).encode())
        return answer[0] in "23"

    def usual(self, stage: str) -> str:
        if stage != "EHLO":
            return _USUAL.get(stage, "250 2.0.0 ok")
        words = [*self.sink.extensions, *(["STARTTLS"] if self.sink.tls is not None and not self.tls else [])]
        lines = ["sink.test", *words]
        return "\n".join(f"250{'-' if word is not lines[-1] else ' '}{word}" for word in lines)

    def hang(self) -> None:
        """Say nothing and read on until the other side leaves."""
        self.socket.settimeout(0.2)
        while not self.sink.stopped(0):
            with contextlib.suppress(TimeoutError):
                if not self.socket.recv(65536):
                    break
        raise _Gone

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            self.more()
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer[:] = rest
        return line

    def more(self) -> None:
        block = self.socket.recv(65536)
        if not block:
            raise _Gone
        self.buffer += block


class Unreachable:
    """A port where a connection is neither taken nor refused: its queue is full, so SYNs go unanswered."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = free_port(host)
        self._sockets: list[socket.socket] = []

    @property
    def address(self) -> str:
        """As `to = ` of a route wants it."""
        return f"{self.host}:{self.port}"

    def __enter__(self) -> Self:
        listener = socket.socket()
        listener.bind((self.host, self.port))
        listener.listen(0)
        self._sockets.append(listener)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self.host, self.port))
            self._sockets.append(filler)
        time.sleep(0.05)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for one in self._sockets:
            one.close()
