"""A site of Mailconsole: made, set up, started, asked and stopped by nothing but its command line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.harness import toml
from tests.harness.ports import free_base
from tests.harness.processes import alive, end, family
from tests.harness.waiting import LONG, until
from tests.harness.wire import Wire, banner

COMMAND = [sys.executable, "-m", "mailconsole"]
PASSWORD = "correct horse battery staple"
ROOT = Path(__file__).parents[2]
_RUNS, _LOADED = "the role runs", "the settings are loaded anew"  # each process of the service says so in the log
_REFUSED = "going on with the old ones"


class Failed(AssertionError):
    """A command of the service ended otherwise than it must."""


# Checks that ask the DNS are off in a new site of the tests, for there is none; so are the engines against viruses and
# the mark of spam, which would start processes in each. A test of one switches it on.
QUIET = """
[antivirus]
enabled = false
[spam]
enabled = false
[probe]
enabled = false

[reverse_dns]
enabled = false
[dnslists]
enabled = false
[spf]
enabled = false
[dkim]
enabled = false
[arc]
enabled = false
[dmarc]
enabled = false
"""


class Site:
    """One service in one folder, on free ports of 127.0.0.1 and ::1.

    A context manager: it is made on entering, and whatever was started is stopped on leaving. `start` is the
    test's to call, after its settings.
    """

    hostname = "mail.example.org"
    domain = "example.org"
    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = free_base()
        self.smtp = self.base + 25
        self.submission = self.base + 587
        self.submissions = self.base + 465
        self.config = folder / "mailconsole.toml"
        self.data = folder / "data"
        self.log = folder.with_name(folder.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None
        self._launched = 0  # letters of the log before the service was started

    def __enter__(self) -> Self:
        make = [*COMMAND, "init", str(self.folder), "--hostname", self.hostname, "--domain", self.domain]
        made = _run([*make, "--port-base", str(self.base)])
        if made.returncode:
            raise Failed(f"init ended with {made.returncode}: {made.stderr.decode()}")
        if QUIET:
            self.configure(QUIET)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    # Settings

    def configure(self, text: str) -> None:
        """These keys of the settings from now on; a running service sees them after `reload`."""
        self.config.write_text(toml.merged(self.config.read_text(), text))

    def reload(self) -> None:
        """SIGHUP; return when the supervisor has refused the settings, or every role has loaded or refused them."""
        assert self.process is not None
        roles, before = self._heard(_RUNS), len(self.log_text())
        self.process.send_signal(signal.SIGHUP)

        def done() -> bool:
            heard = self._heard(_RUNS, _LOADED, _REFUSED, since=before)  # a role that was being started runs anew
            return "service" in heard or roles <= heard

        until(done, why=f"{roles} load the settings")

    # Life

    def start(self, *, wait: float = 2 * LONG) -> Self:
        """Start the service and wait until it greets and says that it runs."""
        self.launch()
        try:
            until(self.ready, within=wait, why="the service greets and says running")
        except TimeoutError as error:
            raise Failed(f"{error}; its log ends:\n{self.log_text()[-4000:]}") from error
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the service and do not wait."""
        self._launched = len(self.log_text())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "--config", str(self.config), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=ROOT,
                env=_environment(),
            )
        return self.process

    def ready(self) -> bool:
        """Whether the service greets and says that it runs; Failed when it has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise Failed(f"the service ended with {self.process.returncode}; its log ends:\n{self.log_text()[-4000:]}")
        status = self.status() if banner(self.host, self.smtp) else {"service": "stopped"}
        return status["service"] == "running" and len(self._heard(_RUNS)) >= len(status["roles"])

    def stop(self, *, grace: float = 20) -> int:
        """SIGTERM, and SIGKILL to what is left after `grace` seconds. The exit code of the service; 0 if none ran."""
        process, self.process = self.process, None
        return end(process, grace=grace) if process is not None else 0

    def crash(self) -> None:
        """SIGKILL to every process of the service at once, as a power cut would."""
        process, self.process = self.process, None
        assert process is not None
        pids = family(process.pid)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(LONG)
        until(lambda: not any(alive(pid) for pid in pids), why="killed processes are gone")

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def pids(self) -> list[int]:
        """The supervisor and all its descendants."""
        assert self.process is not None
        return family(self.process.pid)

    def role_pids(self, role: str) -> list[int]:
        """The processes of a role, as `status` names them."""
        return [entry["pid"] for entry in self.status()["roles"] if entry["role"] == role and entry["pid"]]

    def kill(self, role: str) -> int:
        """SIGKILL to the first process of a role, which may be about to be started again. Its pid."""
        pid = until(lambda: self.role_pids(role), why=f"{role} runs")[0]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return pid

    def log_text(self) -> str:
        """Everything the service has written to its standard output and error."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _heard(self, *words: str, since: int | None = None) -> set[str]:
        """Which processes of the service have said one of these: since its start, or since so many letters."""
        text = self.log_text()[self._launched if since is None else since :]
        return {line.split(" ", 3)[2] for line in text.splitlines() if any(one in line for one in words)}

    # The command line

    def cli(
        self,
        *arguments: str,
        stdin: str | bytes = b"",
        check: bool = True,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[bytes]:
        """One command. With `check`, Failed unless it ends with 0."""
        words = [*COMMAND, "--config", str(self.config), *arguments]
        done = _run(words, stdin.encode() if isinstance(stdin, str) else stdin, timeout)
        if check and done.returncode:
            raise Failed(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
        return done

    def cli_json(self, *arguments: str) -> Any:
        """What one command prints with --json."""
        return json.loads(self.cli(*arguments, "--json").stdout)

    def status(self) -> dict[str, Any]:
        """`status --json`; {"service": "stopped"} where even that has no answer yet."""
        done = self.cli("status", "--json", check=False)
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {"service": "stopped"}
        return answer

    def queue(self, *words: str) -> list[dict[str, Any]]:
        """`queue list --json`, with the words of a filter."""
        entries: list[dict[str, Any]] = self.cli_json("queue", "list", *words)["rows"]
        return entries

    def add_user(self, address: str, password: str = PASSWORD) -> None:
        """An account."""
        self.cli("user", "add", address, "--password-stdin", stdin=password + "\n")

    def add_alias(self, alias: str, *targets: str) -> None:
        """An alias of one or more addresses."""
        for target in targets:
            self.cli("alias", "add", alias, target)

    def mailboxes(self, address: str) -> list[bytes]:
        """Every message of an account, as `mailbox export` writes them."""
        with tempfile.TemporaryDirectory(prefix="export") as folder:
            self.cli("mailbox", "export", address, f"{folder}/box", timeout=300)
            return [
                file.read_bytes() for file in sorted(Path(folder).rglob("*")) if file.is_file() and in_maildir(file)
            ]

    # The wire

    def wire(self, port: int = 0, *, source: str = "", tls: bool = False, timeout: float = LONG) -> Wire:
        """A connection to the SMTP port, or to `port`."""
        return Wire(self.host, port or self.smtp, source=source, tls=tls, timeout=timeout)

    def inbox(self, address: str, count: int = 1, *, within: float = LONG) -> list[bytes]:
        """The messages of an account, as soon as there are `count` or more."""

        def enough() -> list[bytes]:
            messages = self.mailboxes(address)
            return messages if len(messages) >= count else []

        return until(enough, within=within, every=0.2, why=f"{count} messages for {address}")

    def queue_state(self, state: str, count: int = 1, *, within: float = LONG) -> list[dict[str, Any]]:
        """The queue, as soon as exactly `count` entries are in this state."""

        def reached() -> list[dict[str, Any]]:
            entries = [entry for entry in self.queue() if entry["state"] == state]
            return entries if len(entries) == count else []

        return until(reached, within=within, every=0.2, why=f"{count} {state}; there is {self.queue()}")

    def queue_empty(self, *, within: float = 2 * LONG) -> None:
        """Return when the queue is empty."""
        try:
            until(lambda: self.status()["queue"]["total"] == 0, within=within, every=0.1)
        except TimeoutError:
            status = {name: self.status()[name] for name in ("roles", "queue", "destinations")}
            raise Failed(f"the queue is not empty: {self.queue()[:5]}, {status}\n{self.log_text()[-3000:]}") from None


def in_maildir(file: Path) -> bool:
    """Whether a file is a message of a Maildir."""
    return file.parent.name in {"new", "cur"}


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _run(words: list[str], input: bytes = b"", timeout: float = 300) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
    started = time.monotonic()
    try:
        return subprocess.run(words, input=input, capture_output=True, timeout=timeout, cwd=ROOT, check=False)
    except subprocess.TimeoutExpired as error:
        took = time.monotonic() - started
        raise Failed(f"{' '.join(words)}: no end after {took:.0f} s; said {error.stderr!r}") from error
