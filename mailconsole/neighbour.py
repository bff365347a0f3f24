"""Another mail host for the demonstration: takes mail over SMTP and forgets it; `nobody...` it does not know."""

from __future__ import annotations

import socketserver
import threading


class Neighbour(socketserver.ThreadingTCPServer):
    """Listens on a free port of 127.0.0.1 until closed."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Dialogue)
        threading.Thread(target=self.serve_forever, name="neighbour", daemon=True).start()


class _Dialogue(socketserver.StreamRequestHandler):
    timeout = 60

    def handle(self) -> None:
        """One connection, as little of RFC 5321 as a sender needs."""
        self._say("220 partner.test ESMTP")
        try:
            while line := self.rfile.readline(4_096):
                if not self._command(line.decode("utf-8", "replace").strip()):
                    return
        except OSError:
            return

    def _command(self, line: str) -> bool:
        match line[:4].upper():
            case "EHLO":
                self._say("250-partner.test\r\n250-PIPELINING\r\n250 8BITMIME")
            case "RCPT" if "<nobody" in line.lower():
                self._say("550 5.1.1 No such person here")
            case "DATA":
                self._say("354 Go ahead")
                while self.rfile.readline(4_096) not in (b".\r\n", b""):
                    pass
                self._say("250 2.0.0 Taken")
            case "QUIT":
                self._say("221 2.0.0 Bye")
                return False
            case _:
                self._say("250 2.0.0 Ok")
        return True

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")
