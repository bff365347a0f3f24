"""A DNS server: NSD from Debian, an ordinary child on a high port, with zones that the test writes."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.exception
import dns.message
import dns.query

from tests.harness.ports import free_port
from tests.harness.processes import end
from tests.harness.waiting import until

BROKEN = "this is no zone"  # NSD cannot read it and answers SERVFAIL for every name in it

_HEAD = """\
$ORIGIN {origin}
$TTL {ttl}
@ SOA ns.nic.test. hostmaster.nic.test. 1 60 60 60 1
@ NS ns.nic.test.
"""
_SERVER = """\
server:
  ip-address: {address}@{port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  zonelistfile: "{folder}/nsd.zones"
  xfrdfile: ""
  xfrdir: "{folder}"
  logfile: "{folder}/nsd.log"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
_ZONE = """\
zone:
  name: "{name}"
  zonefile: "{file}"
"""


class Dns:
    """Answers for `zones`: name -> records, relative to it, without SOA and NS. All other names do not exist.

    `Dns(folder, {"remote.test": "@ MX 10 mx\\nmx A 127.0.0.11", "broken.test": BROKEN})`
    """

    def __init__(
        self, folder: Path, zones: Mapping[str, str], *, host: str = "127.0.0.1", port: int = 0, ttl: int = 1
    ) -> None:
        self.folder = folder
        self.zones = {".": "ns.nic.test. A 127.0.0.1", **zones}
        self.host = host
        self.port = port or free_port()
        self._ttl = ttl
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As `[dns] nameservers` wants it."""
        return f"{self.host}:{self.port}"

    @property
    def settings(self) -> str:
        """The TOML that makes a site ask here."""
        return f'[dns]\nnameservers = ["{self.address}"]\ntimeout_seconds = 10.0\nlifetime_seconds = 20.0\n'

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = _SERVER.format(folder=self.folder, address=self.host, port=self.port)
        for number, (name, records) in enumerate(self.zones.items()):
            origin = "." if name == "." else f"{name}."
            text = records if records == BROKEN else f"{_HEAD.format(origin=origin, ttl=self._ttl)}{records}\n"
            (self.folder / f"{number}.zone").write_text(text)
            if records != BROKEN:
                self.written(name, self.folder / f"{number}.zone")
            config += _ZONE.format(name=name, file=f"{number}.zone")
        (self.folder / "nsd.conf").write_text(config)
        command = ["/usr/sbin/nsd", "-d", "-c", str(self.folder / "nsd.conf")]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, every=0.02, why="NSD answers")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process is not None:
            end(self._process, grace=5)
            self._process = None

    def written(self, name: str, file: Path) -> None:
        """A zone is in its file, and not read yet."""

    def change(self, zones: Mapping[str, str]) -> None:
        """Other zones from now on."""
        self.__exit__()
        self.zones.update(zones)
        self.__enter__()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, dns.exception.DNSException):
            dns.query.udp(dns.message.make_query("ns.nic.test", "A"), self.host, port=self.port, timeout=0.2)
            return True
        return False


class Silence:
    """A name server that takes every question and answers none."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        self._socket.bind(("127.0.0.1", self.port))
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()
