"""The rest of the world, as far as the demo needs one: a mail host that takes most, and refuses some."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType
from typing import Self

from backend.errors import Permanent

DOMAIN = "partner.test"  # its recipients exist, but for nobody@ (never) and busy@ (not now)
UNREACHABLE = "unreachable.test"  # where nobody listens
_LINE = 4_096  # bytes


class _Dialogue(socketserver.StreamRequestHandler):
    timeout = 60

    def handle(self) -> None:
        """One client, until QUIT or silence."""
        self._say("220 mx.partner.test ESMTP of the demo")
        while line := self._line():
            verb = line.split(" ", 1)[0].upper()
            match verb:
                case "EHLO":
                    self._say("250-mx.partner.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")
                case "RCPT" if "<nobody@" in line:
                    self._say("550 5.1.1 We know nobody of that name")
                case "RCPT" if "<busy@" in line:
                    self._say("450 4.2.1 This mailbox is busy; come back later")
                case "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP":
                    self._say("250 2.0.0 OK")
                case "DATA":
                    self._say("354 Go on")
                    while self._line() not in (".", ""):
                        pass
                    self._say("250 2.0.0 Taken")
                case "QUIT":
                    self._say("221 2.0.0 Bye")
                    return
                case _:
                    self._say("502 5.5.1 Not here")

    def _line(self) -> str:
        """The next line; empty at the end. An empty line of a message is a blank here."""
        line = self.rfile.readline(_LINE)
        return line.decode("utf-8", "replace").rstrip("\r\n") or (" " if line else "")

    def _say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nothing to speak of."""


class Elsewhere:
    """The mail host of DOMAIN at 127.0.0.1:port, while the block runs. Permanent when the port is taken."""

    def __init__(self, port: int) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _Dialogue)
        except OSError as error:
            raise Permanent(
                f"The demo's other mail host cannot listen on 127.0.0.1:{port}: {error.strerror}."
            ) from None

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="elsewhere", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
