"""A small SMTP client that sends exactly the bytes it is told to."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: its code and its lines, without code and line ends."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines in one."""
        return "\n".join(self.lines)

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 2034), or nothing."""
        first = self.lines[0].split(" ", 1)[0] if self.lines else ""
        return first if first.count(".") == 2 and first.replace(".", "").isdigit() else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class Closed(Exception):
    """The server ended the connection."""


def banner(host: str, port: int) -> str:
    """The greeting's first line, or nothing when nobody greets."""
    with contextlib.suppress(OSError, Closed), Wire(host, port, timeout=10, greet=False) as wire:
        return str(wire.reply())
    return ""


def no_checks() -> ssl.SSLContext:
    """A TLS context for a server whose certificate nobody signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Wire:
    """A connection. The greeting is read at once (`greet`), and must be 220 then."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout: float = 60,
        source: str = "",
        tls: bool = False,
        greet: bool = True,
    ) -> None:
        self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        if tls:
            self.start_tls()
        if greet:
            self.expect(220)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.socket.close()

    def start_tls(self) -> None:
        """The TLS handshake."""
        self.socket = no_checks().wrap_socket(self.socket)

    def send(self, data: bytes) -> None:
        """These bytes."""
        self.socket.sendall(data)

    def line(self) -> str:
        """The next line without its end; Closed when there is none."""
        while b"\n" not in self._buffer:
            try:
                block = self.socket.recv(65536)
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not block:
                raise Closed(f"after {self._buffer!r}")
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def reply(self) -> Reply:
        """The next reply, all its lines."""
        lines = []
        while True:
            line = self.line()
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), tuple(lines))

    def expect(self, code: int) -> Reply:
        """The next reply, which must have this code."""
        reply = self.reply()
        assert reply.code == code, f"{code} expected, not {reply}"
        return reply

    def ask(self, line: str | bytes) -> Reply:
        """The reply to one line; the CRLF is added."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def must(self, code: int, line: str | bytes) -> Reply:
        """`ask`, with the code that it must have."""
        reply = self.ask(line)
        assert reply.code == code, f"{code} expected to {line!r}, not {reply}"
        return reply

    def extensions(self, name: str = "client.test") -> dict[str, str]:
        """What EHLO offers: keyword -> its parameters."""
        lines = self.must(250, f"EHLO {name}").lines[1:]
        return {word.upper(): rest for word, _, rest in (line.partition(" ") for line in lines)}

    def log_in(self, name: str, password: str) -> None:
        """AUTH PLAIN, which must succeed."""
        self.must(235, "AUTH PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())

    def message(self, sender: str, recipients: list[str], data: bytes) -> Reply:
        """One transaction with DATA; `data` has CRLF line ends and is dot-stuffed here. The last reply."""
        self.must(250, f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            self.must(250, f"RCPT TO:<{recipient}>")
        self.must(354, "DATA")
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in data.split(b"\r\n"))
        self.send(stuffed.removesuffix(b"\r\n") + b"\r\n.\r\n")
        return self.reply()

    def ended(self) -> bool:
        """Whether the server closes the connection, rather than answering something."""
        try:
            return self.socket.recv(65536) == b"" and not self._buffer
        except ConnectionError:
            return True
