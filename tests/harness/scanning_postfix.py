"""Postfix with what a careful site puts behind it against viruses and spam: rspamd as a milter, and clamd behind that.

rspamd is as Debian ships it, untrained, without what asks the DNS or other hosts; as many processes as there are cores.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.harness.ports import free_port
from tests.harness.postfix import Postfix
from tests.harness.processes import end
from tests.harness.waiting import until

PROGRAM = "/usr/bin/rspamd"
_SETTINGS = """\
mynetworks = 127.0.0.1/32
smtpd_milters = inet:127.0.0.1:{port}
milter_protocol = 6
milter_default_action = tempfail
smtpd_client_connection_rate_limit = 0
"""
_OFF = (
    "rbl", "spf", "dkim", "dmarc", "arc", "mx_check", "asn", "hfilter", "fuzzy_check", "dkim_signing", "greylist",
    "ratelimit", "replies", "rspamd_update", "phishing", "emails", "whitelist",
)  # fmt: skip
_FILES = {
    "worker-proxy.inc": """\
bind_socket = "127.0.0.1:{port}";
milter = yes;
timeout = 120s;
count = {cores};
upstream "local" {{ default = yes; self_scan = yes; }}
""",
    "worker-normal.inc": "enabled = false;\n",
    "worker-controller.inc": "enabled = false;\n",
    "logging.inc": 'type = "file";\nfilename = "{folder}/rspamd.log";\nlevel = "warning";\n',
    "options.inc": 'pidfile = "{folder}/rspamd.pid";\ndns {{ nameserver = "127.0.0.1:{nobody}"; }}\n',
    "actions.conf": "reject = null;\ngreylist = null;\nadd_header = 5;\n",
    "milter_headers.conf": 'use = ["x-spamd-bar", "x-spam-level", "x-spam-status"];\nskip_local = false;\n',
    "antivirus.conf": """\
clamav {{
  type = "clamav";
  servers = "{clamd}";
  symbol = "CLAM_VIRUS";
  action = "reject";
  scan_mime_parts = false;
  max_size = 200000000;
}}
""",
}


class ScanningPostfix(Postfix):
    """As Postfix; every message goes through rspamd, and from there to the clamd whose socket is `clamd`."""

    def __init__(self, folder: Path, users: Sequence[str], *, domain: str, clamd: Path) -> None:
        port = free_port()
        super().__init__(folder, users, domain=domain, extra=_SETTINGS.format(port=port))
        self._milter = ("127.0.0.1", port)
        self._own = folder / "rspamd"
        words = {"port": port, "cores": os.cpu_count(), "folder": self._own, "nobody": free_port(), "clamd": clamd}
        for name in ("local.d", "override.d"):
            (self._own / name).mkdir(parents=True)
        for name, text in _FILES.items():
            (self._own / "override.d" / name).write_text(text.format(**words))
        for name in _OFF:
            (self._own / "override.d" / f"{name}.conf").write_text("enabled = false;\n")
        self.rspamd: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        variables = dict.fromkeys(("DBDIR", "RUNDIR", "LOGDIR", "LOCAL_CONFDIR"), self._own)
        words = [PROGRAM, "--no-fork", "--insecure", *(f"--var={name}={value}" for name, value in variables.items())]
        with (self._own / "output").open("ab") as output:
            self.rspamd = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            until(self._answers, within=120, why="rspamd answers")
            return super().__enter__()
        except BaseException:
            self._end()
            raise

    def __exit__(self, *reason: object) -> None:
        with contextlib.suppress(RuntimeError):
            self.control("stop")
        self._end()

    def _answers(self) -> bool:
        assert self.rspamd is None or self.rspamd.poll() is None, (self._own / "output").read_text()
        with contextlib.suppress(OSError), socket.create_connection(self._milter, 2):
            return True
        return False

    def _end(self) -> None:
        process, self.rspamd = self.rspamd, None
        if process is not None:
            end(process, grace=10)
