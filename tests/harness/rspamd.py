"""A real rspamd as Debian ships it: its own settings, untrained, on a port of ours, with a name server of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.harness.daemon import Daemon

PROGRAM = Path("/usr/bin/rspamd")
MISSING = "" if PROGRAM.exists() else "rspamd is not here"
SCORER = {
    "worker-normal.inc": """\
bind_socket = "127.0.0.1:{port}";
bind_socket = "{folder}/rspamd.sock mode=0666";
count = {processes};
""",
    "worker-proxy.inc": "enabled = false;\n",
}
_ALWAYS = {
    "worker-controller.inc": "enabled = false;\n",
    "logging.inc": 'type = "file";\nfilename = "{folder}/rspamd.log";\nlevel = "warning";\n',
    "options.inc": 'pidfile = "{folder}/rspamd.pid";\ndns {{ nameserver = "{nameserver}"; }}\n',
}


class Rspamd(Daemon):
    """One rspamd. `nameserver`: `127.0.0.1:5353`; `files`: its settings by name, over those of Debian, with the words
    port, folder, processes and nameserver in braces.
    """

    question, answer = b"GET /ping HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"

    def __init__(self, folder: Path, nameserver: str, *, processes: int = 1, files: Mapping[str, str] = SCORER) -> None:
        super().__init__(folder)
        self.socket = folder / "rspamd.sock"
        words = {"folder": folder, "nameserver": nameserver, "port": self.port, "processes": processes}
        for name in ("override.d", "local.d"):
            (folder / name).mkdir(parents=True)
        for name, text in (_ALWAYS | dict(files)).items():
            (folder / "override.d" / name).write_text(text.format(**words))

    def command(self) -> Sequence[str]:
        """It changes no user, for the folder is ours."""
        variables = dict.fromkeys(("DBDIR", "RUNDIR", "LOGDIR", "LOCAL_CONFDIR"), self.folder)
        words = [str(PROGRAM), "--no-fork", *(f"--var={name}={value}" for name, value in variables.items())]
        return [*words, "--insecure"] if os.getuid() == 0 else words
