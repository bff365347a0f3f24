"""Postfix with what a careful site puts behind it against viruses and spam: rspamd as a milter, and clamd behind that.

rspamd is as Debian ships it, untrained, without what asks the DNS or other hosts; as many processes as there are cores.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.harness.ports import free_port
from tests.harness.postfix import Postfix
from tests.harness.rspamd import Rspamd

_SETTINGS = """\
mynetworks = 127.0.0.1/32
smtpd_milters = inet:{milter}
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
count = {processes};
upstream "local" {{ default = yes; self_scan = yes; }}
""",
    "worker-normal.inc": "enabled = false;\n",
    "actions.conf": "reject = null;\ngreylist = null;\nadd_header = 5;\n",
    "milter_headers.conf": 'use = ["x-spamd-bar", "x-spam-level", "x-spam-status"];\nskip_local = false;\n',
    **{f"{name}.conf": "enabled = false;\n" for name in _OFF},
}
_CLAMD = """\
clamav {{
  type = "clamav";
  servers = "%s";
  symbol = "CLAM_VIRUS";
  action = "reject";
  scan_mime_parts = false;
  max_size = 200000000;
}}
"""


class Milter(Rspamd):
    """rspamd as a milter, which has nothing to say to a question over HTTP."""

    answer = b""


class ScanningPostfix(Postfix):
    """As Postfix; every message goes through rspamd, and from there to the clamd whose socket is `clamd`."""

    def __init__(self, folder: Path, users: Sequence[str], *, domain: str, clamd: Path) -> None:
        nobody = f"127.0.0.1:{free_port()}"
        files = {**_FILES, "antivirus.conf": _CLAMD % clamd}
        self.rspamd = Milter(
            folder.with_name(f"{folder.name}-rspamd"), nobody, processes=os.cpu_count() or 1, files=files
        )
        super().__init__(folder, users, domain=domain, extra=_SETTINGS.format(milter=self.rspamd.address))

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.rspamd)
            super().__enter__()
            self._ends = stack.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        with self._ends, contextlib.suppress(RuntimeError):
            self.control("stop")
