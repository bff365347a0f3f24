"""A real rspamd as Debian ships it: its own settings, untrained, on a port of ours, with a name server of ours."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.ports import free_port
from tests.harness.processes import end
from tests.harness.waiting import until

PROGRAM = Path("/usr/bin/rspamd")
MISSING = "" if PROGRAM.exists() else "rspamd is not here"
_WORKER = """\
bind_socket = "127.0.0.1:{port}";
bind_socket = "{folder}/rspamd.sock mode=0666";
count = {processes};
"""
_LOCAL = {
    "worker-controller.inc": "enabled = false;\n",
    "worker-proxy.inc": "enabled = false;\n",
    "logging.inc": 'type = "file";\nfilename = "{folder}/rspamd.log";\nlevel = "warning";\n',
    "options.inc": 'pidfile = "{folder}/rspamd.pid";\ndns {{ nameserver = "{nameserver}"; }}\n',
}


class Rspamd:
    """One rspamd in one folder. `nameserver`: `127.0.0.1:5353`. A context manager."""

    def __init__(self, folder: Path, nameserver: str, *, processes: int = 1) -> None:
        self.folder = folder
        self.port = free_port()
        self.socket = folder / "rspamd.sock"
        self.process: subprocess.Popen[bytes] | None = None
        files = {name: text.format(folder=folder, nameserver=nameserver) for name, text in _LOCAL.items()}
        files["worker-normal.inc"] = _WORKER.format(port=self.port, folder=folder, processes=processes)
        (folder / "override.d").mkdir(parents=True)
        (folder / "local.d").mkdir()
        for name, text in files.items():
            (folder / "override.d" / name).write_text(text)

    @property
    def address(self) -> str:
        """As the settings want it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        variables = {"DBDIR": self.folder, "RUNDIR": self.folder, "LOGDIR": self.folder, "LOCAL_CONFDIR": self.folder}
        words = [str(PROGRAM), "--no-fork", *(f"--var={name}={value}" for name, value in variables.items())]
        words += ["--insecure"] if os.getuid() == 0 else []
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        until(self._answers, within=120, why="rspamd answers")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        process, self.process = self.process, None
        if process is not None:
            end(process, grace=10)

    def _answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, (self.folder / "output").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as line:
            line.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
            return line.recv(64).startswith(b"HTTP/1.1 200")
        return False
