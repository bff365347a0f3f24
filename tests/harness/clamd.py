"""A real clamd with a small database of its own: EICAR, and the program in all files of clamav-testfiles."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.site import shipped
from tests.harness.waiting import until

PROGRAM = shutil.which("clamd") or "/usr/sbin/clamd"
TEST_FILES = Path("/usr/share/clamav-testfiles")
MISSING = "" if Path(PROGRAM).exists() and TEST_FILES.is_dir() else "clamav-daemon and clamav-testfiles are not here"
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


class Clamd:
    """One clamd in one folder, with the shipped example as its settings. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "clamd.ctl"
        self.process: subprocess.Popen[bytes] | None = None
        database = folder / "database"
        database.mkdir(parents=True)
        (database / "local.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n")
        (database / "local.hdb").write_text("aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n")
        text = shipped("clamd.conf").read_text()
        own = {"LocalSocket": self.socket, "DatabaseDirectory": database, "LogFile": folder / "clamd.log"}
        lines = [line for line in text.splitlines() if line.partition(" ")[0] not in {*own, "User", "PidFile"}]
        lines += [f"{key} {value}" for key, value in own.items()]
        lines += ["Foreground yes", f"TemporaryDirectory {folder}"]
        if os.getuid() == 0:
            lines.append("User root")
        (folder / "clamd.conf").write_text("\n".join(lines) + "\n")

    @property
    def settings(self) -> str:
        """For mailconsole.toml."""
        return f'[antivirus]\nenabled = true\n\n[[antivirus.engine]]\nname = "clamd"\naddress = "{self.socket}"\n'

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [PROGRAM, "-c", str(self.folder / "clamd.conf")], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        until(self._answers, why="clamd answers")
        return self

    def kill(self) -> None:
        """SIGKILL."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(60)
        self.socket.unlink(missing_ok=True)

    def hang(self) -> None:
        """It takes connections, and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of that."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, (self.folder / "output").read_text()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(30)
            line.connect(str(self.socket))
            line.sendall(b"zPING\0")
            return line.recv(16) == b"PONG\0"
        return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()
