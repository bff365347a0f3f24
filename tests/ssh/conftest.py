"""A running service, and operators who come by OpenSSH's client."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.harness import processes
from tests.harness.site import Site
from tests.harness.waiting import until

Spawn = pexpect.spawn  # with encoding, it reads and writes str


class Operator:
    """One with a key, unless `key` is no. The client reads no settings of this machine."""

    def __init__(self, site: Site, folder: Path, name: str, role: str = "sysadmin", *, key: bool = True) -> None:
        self.site = site
        self.name = name
        self.key = folder / f"{name}.key"
        self.known_hosts = folder / "known_hosts"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.key], check=True)
        self.public = self.key.with_suffix(".key.pub").read_text().strip()
        words = ["--key", self.public] if key else []
        made = site.cli("operator", "add", name, role, *words).stdout.decode()
        found = re.search(r"[Oo]ne-time password\D*: (\S+)", made)
        self.password = found[1] if found else ""

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """The command line of the client. Words behind the host are the command."""
        fixed = [
            *("-F", "none", "-p", str(self.site.base + 22), "-i", str(self.key), "-o", "IdentitiesOnly=yes"),
            *("-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={self.known_hosts}"),
            *("-o", "LogLevel=ERROR"),
        ]
        return ["ssh", *options, *fixed, "--", f"{self.name}@{self.site.host}", *words]

    def run(
        self, *words: str, options: tuple[str, ...] = ("-o", "BatchMode=yes"), stdin: bytes = b"", timeout: float = 300
    ) -> subprocess.CompletedProcess[bytes]:
        """One command without a terminal."""
        return subprocess.run(
            self.command(*words, options=options), input=stdin, capture_output=True, timeout=timeout, check=False
        )

    def terminal(
        self, *words: str, options: tuple[str, ...] = (), rows: int = 24, columns: int = 80
    ) -> pexpect.spawn[str]:
        """The client on a terminal."""
        command, *rest = self.command(*words, options=options)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.key.parent), "TERM": "xterm-256color"}
        return Spawn(command, rest, env=environment, encoding="utf-8", timeout=90, dimensions=(rows, columns))

    def console(self) -> pexpect.spawn[str]:
        """The console, once its first screen is there."""
        child = self.terminal()
        child.expect("Dashboard|dashboard")
        return child


def zygote(site: Site) -> int:
    """The process that has the console loaded. Only the log tells it from a session's child: the kernel begins its
    numbers anew now and then, so that a child may well have the smaller one.
    """
    return int(re.findall(r"console is loaded pid=(\d+)", site.log_text())[-1])


def children(site: Site) -> list[int]:
    """The children of sessions: what the SSH role has started, but for the one that has the console loaded."""
    [role] = site.role_pids("sshd")
    return [pid for pid in processes.children().get(role, []) if pid != zygote(site)]


def has_no_children(site: Site) -> None:
    """Return when every session's child is gone."""
    until(lambda: not children(site), why="the children are gone")


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running service for log-ins."""
    with Site(tmp_path_factory.mktemp("ssh") / "site") as site:
        site.configure("[limits]\nssh_write_seconds = 3\nlockout_failures = 50")
        yield until_loaded(site.start())


def until_loaded(site: Site) -> Site:
    """The site, once its SSH role takes log-ins."""
    until(lambda: "console is loaded" in site.log_text(), within=120, why="the console is loaded")
    return site


@pytest.fixture(scope="session")
def olga(door: Site, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """A sysadmin with a key."""
    return Operator(door, tmp_path_factory.mktemp("olga"), "olga")


@pytest.fixture
def operator(door: Site, tmp_path: Path) -> Callable[..., Operator]:
    """`operator("name", "role")`: a new one."""
    return lambda name, role="sysadmin", **words: Operator(door, tmp_path, name, role, **words)
