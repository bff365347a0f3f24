"""A validating resolver: unbound from Debian in front of NSD, with zones that ldns signs for the test."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.exception
import dns.message
import dns.query

from tests.harness.dns import Dns
from tests.harness.ports import free_port
from tests.harness.processes import end
from tests.harness.waiting import until

_SERVER = """\
server:
  interface: 127.0.0.1@{port}
  port: {port}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  logfile: "{folder}/unbound.log"
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  num-threads: 1
  cache-max-ttl: 1
  cache-max-negative-ttl: 1
  infra-host-ttl: 1
  local-zone: "test." nodefault
  trust-anchor-signaling: no
  qname-minimisation: no
{anchors}
stub-zone:
  name: "."
  stub-addr: 127.0.0.1@{behind}
remote-control:
  control-enable: no
"""


class SignedDns:
    """As `Dns`; zones in `signed` are signed, and those in `bogus` too, with a key that nobody trusts."""

    def __init__(
        self,
        folder: Path,
        zones: Mapping[str, str],
        *,
        signed: Collection[str] = (),
        bogus: Collection[str] = (),
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self._signed, self._bogus = signed, bogus
        self._behind = _SigningDns(folder / "nsd", zones, {*signed, *bogus})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As `[dns] nameservers` wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> str:
        """The TOML that makes a site ask here, believe what is proved."""
        words = "validating = true\ntimeout_seconds = 10.0\nlifetime_seconds = 30.0\n"
        return f'[dns]\nnameservers = ["{self.address}"]\n{words}'

    def __enter__(self) -> Self:
        self._behind.__enter__()
        anchors = [*(self._behind.anchors[zone] for zone in self._signed), *map(_stranger, self._bogus)]
        lines = "\n".join(f'  trust-anchor: "{anchor}"' for anchor in anchors)
        config = _SERVER.format(port=self.port, folder=self.folder, anchors=lines, behind=self._behind.port)
        (self.folder / "unbound.conf").write_text(config)
        command = ["/usr/sbin/unbound", "-d", "-c", str(self.folder / "unbound.conf")]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, every=0.02, why="unbound answers")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process is not None:
            end(self._process, grace=5)
            self._process = None
        self._behind.__exit__()

    def pause(self) -> None:
        """Answer nobody until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        until(self._answers, every=0.02, why="unbound answers again")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, dns.exception.DNSException):
            dns.query.udp(dns.message.make_query("ns.nic.test", "A"), "127.0.0.1", port=self.port, timeout=0.5)
            return True
        return False


class _SigningDns(Dns):
    """NSD, whose zones are signed before it reads them."""

    def __init__(self, folder: Path, zones: Mapping[str, str], signed: Collection[str]) -> None:
        super().__init__(folder, zones)
        self.anchors: dict[str, str] = {}
        self._sign = signed

    def written(self, name: str, file: Path) -> None:
        """Sign the zone in the file, in place."""
        if name not in self._sign:
            return
        key = _run(self.folder, "ldns-keygen", "-a", "ED25519", "-k", name).strip()
        _run(self.folder, "ldns-signzone", "-n", "-f", f"{file}.signed", str(file), key)
        (self.folder / f"{file}.signed").rename(file)
        self.anchors[name] = (self.folder / f"{key}.ds").read_text().strip()


def _stranger(zone: str) -> str:
    """The anchor of a key that signs nothing."""
    return f"{zone}. IN DS 1 15 2 {'0' * 64}"


def _run(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout
