"""A real spamd as Debian ships it: its own rules, untrained, on a port of ours, without questions to the world."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.ports import free_port
from tests.harness.processes import end
from tests.harness.waiting import until

PROGRAM = shutil.which("spamd") or "/usr/sbin/spamd"
MISSING = "" if Path(PROGRAM).exists() else "spamd is not here"


class Spamd:
    """One spamd in one folder. `nameserver`: `127.0.0.1:5353`; without one it asks nobody. A context manager."""

    def __init__(self, folder: Path, nameserver: str = "", *, processes: int = 1) -> None:
        self.folder = folder
        self.port = free_port()
        self.socket = folder / "spamd.sock"
        self._nameserver = nameserver
        self.process: subprocess.Popen[bytes] | None = None
        self._processes = processes
        folder.mkdir(parents=True)

    @property
    def address(self) -> str:
        """As the settings want it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        number = str(self._processes)
        words = [PROGRAM, f"--listen=127.0.0.1:{self.port}", f"--listen={self.socket}", "--nouser-config"]
        words += ["-m", number, "--min-children", number, "--min-spare", "1", "--max-spare", number]
        words += [f"--cf=dns_server {self._nameserver}"] if self._nameserver else ["--local"]
        words += ["--cf=use_bayes 0", f"--helper-home-dir={self.folder}"]
        words += ["--syslog=stderr", f"--pidfile={self.folder}/spamd.pid"]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        until(self._answers, within=120, why="spamd answers")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        process, self.process = self.process, None
        if process is not None:
            end(process, grace=10)

    def _answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, (self.folder / "output").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as line:
            line.sendall(b"PING SPAMC/1.5\r\n\r\n")
            return b"PONG" in line.recv(64)
        return False
