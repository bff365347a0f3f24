"""A web server by TLS that answers as it is told, and may misbehave."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.harness.ports import free_port

SLOW = b"SLOW"  # a byte a moment, without end
SILENT = b"SILENT"  # nothing at all
ENDLESS = b"ENDLESS"  # a body without end


def page(body: bytes, status: str = "200 OK", kind: str = "text/plain", more: str = "") -> bytes:
    """An answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@dataclass
class Web:
    """Answers every request with `answer`, and keeps the requests."""

    tls: ssl.SSLContext
    answer: bytes = b""
    host: str = "127.0.0.1"
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self.port = self.port or free_port(self.host)
        self._stopped = threading.Event()
        self._listener = socket.create_server((self.host, self.port), backlog=64)
        threading.Thread(target=self._accept, name=f"web {self.port}", daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain, self.tls.wrap_socket(plain, server_side=True) as secure:
            secure.settimeout(10)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = secure.recv(65536)
                if not piece:
                    return
                request += piece
            head, _, body = request.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            while len(body) < length:
                body += secure.recv(65536)
            self.requests.append(head + b"\r\n\r\n" + body)
            self._say(secure)

    def _say(self, secure: ssl.SSLSocket) -> None:
        answer = self.answer
        if answer == SILENT:
            self._stopped.wait(30)
        elif answer == ENDLESS:
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            while not self._stopped.is_set():
                secure.sendall(b"x" * 4096)
        elif answer == SLOW:
            for letter in page(b"x" * 1_000):
                secure.sendall(bytes([letter]))
                time.sleep(0.1)
                if self._stopped.is_set():
                    return
        else:
            secure.sendall(answer)
