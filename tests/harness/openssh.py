"""OpenSSH's own server, in the foreground with a configuration of its own, ended by its pid."""

from __future__ import annotations

import contextlib
import getpass
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.harness.ports import free_port
from tests.harness.waiting import until

SSHD = Path("/usr/sbin/sshd")
HOST = "127.0.0.1"


class OpenSsh:
    """`keys`: what authorized_keys holds; `lines`: of the configuration."""

    def __init__(self, folder: Path, keys: str, lines: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.port = free_port()
        self.user = getpass.getuser()
        host_key = folder / "host_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key], check=True)
        (folder / "authorized_keys").write_text(keys)
        fixed = [
            f"Port {self.port}",
            f"ListenAddress {HOST}",
            f"HostKey {host_key}",
            f"AuthorizedKeysFile {folder}/authorized_keys",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "PidFile none",
        ]
        self.configuration = folder / "sshd_config"
        self.configuration.write_text("\n".join([*fixed, lines]) + "\n")

    @contextlib.contextmanager
    def running(self) -> Iterator[OpenSsh]:
        """From the first answer to the end."""
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd wants to be locked up
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.configuration], stdout=log, stderr=log)
        try:
            until(self._answers, why="sshd answers")
            yield self
        finally:
            process.terminate()
            process.wait(60)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), 30) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def command(self, key: Path, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """A client's command line."""
        fixed = ["-F", "none", "-p", str(self.port), "-i", str(key), "-o", "IdentitiesOnly=yes"]
        trust = ["-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={self.folder}/known_hosts"]
        return ["ssh", *fixed, *trust, "-o", "LogLevel=ERROR", *options, f"{self.user}@{HOST}", *words]

    def run(self, key: Path, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """One command without a terminal."""
        command = self.command(key, *words, options=("-T",))
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)
