"""A real spamd as Debian ships it: its own rules, untrained, on a port of ours, without questions to the world."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.harness.daemon import Daemon

PROGRAM = shutil.which("spamd") or "/usr/sbin/spamd"
MISSING = "" if Path(PROGRAM).exists() else "spamd is not here"


class Spamd(Daemon):
    """One spamd. `nameserver`: `127.0.0.1:5353`; without one it asks nobody."""

    question, answer = b"PING SPAMC/1.5\r\n\r\n", b"PONG"

    def __init__(self, folder: Path, nameserver: str = "", *, processes: int = 1) -> None:
        super().__init__(folder)
        self.socket = folder / "spamd.sock"
        self._nameserver = nameserver
        self._processes = processes
        folder.mkdir(parents=True)

    def command(self) -> Sequence[str]:
        """As many children as are wanted, from the start."""
        number = str(self._processes)
        words = [PROGRAM, f"--listen={self.address}", f"--listen={self.socket}", "--nouser-config"]
        words += ["-m", number, "--min-children", number, "--min-spare", "1", "--max-spare", number]
        words += [f"--cf=dns_server {self._nameserver}"] if self._nameserver else ["--local"]
        words += ["--cf=use_bayes 0", f"--helper-home-dir={self.folder}"]
        return [*words, "--syslog=stderr", f"--pidfile={self.folder}/spamd.pid"]
