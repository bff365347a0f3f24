"""`mailconsole shell` under OpenSSH's own sshd and client."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from mailconsole import shell
from tests.harness.openssh import HOST, SSHD, OpenSsh
from tests.harness.site import COMMAND, ROOT, Site
from tests.harness.waiting import until

pytestmark = pytest.mark.skipif(not SSHD.exists(), reason="there is no OpenSSH server")


@dataclass(frozen=True)
class Stage:
    """A site, sshd in front of it, and the keys of people: olga (sysadmin), hugo (helpdesk), nobody."""

    site: Site
    sshd: OpenSsh
    folder: Path

    def key(self, name: str) -> Path:
        """Of one of them."""
        return self.folder / name

    def run(self, *words: str, who: str = "olga", text: str = "") -> subprocess.CompletedProcess[str]:
        """A command of one of them."""
        return self.sshd.run(self.key(who), *words, text=text)

    def terminal(self, *words: str, who: str = "olga") -> pexpect.spawn[str]:
        """The same at a terminal."""
        program, *rest = self.sshd.command(self.key(who), *words, options=("-tt",))
        environment = {**os.environ, "TERM": "xterm-256color"}
        return pexpect.spawn(program, rest, env=environment, encoding="utf-8", timeout=90, dimensions=(24, 80))


def _entry(site: Site) -> str:
    return shlex.join([*COMMAND, "--config", str(site.config), "shell"])


def _shipped(site: Site) -> str:
    """The example of configs/, for this user and this program."""
    text = (ROOT / "configs/sshd_forcecommand.conf").read_text()
    program = "mailconsole --config /etc/mailconsole/mailconsole.toml shell\n"
    assert text.count(f"ForceCommand {program}") == 1
    text = text.replace(f"ForceCommand {program}", f"ForceCommand {_entry(site)}\n")
    return text.replace("Match User mailconsole", "Match all")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("forcecommand")
    with Site(folder / "site") as site:
        site.start()
        lines = []
        for name, role in (("olga", "sysadmin"), ("hugo", "helpdesk"), ("nobody", "")):
            key = folder / name
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
            public = key.with_suffix(".pub").read_text().strip()
            lines.append(f"restrict,pty {public}")
            if role:
                site.cli("operator", "add", name, role, "--key", public)
        with OpenSsh(folder / "sshd", "\n".join(lines) + "\n", _shipped(site)).running() as sshd:
            yield Stage(site, sshd, folder)


def test_a_command_is_that_operators(stage: Stage) -> None:
    done = stage.run("session", "list", "--json")
    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout)["rows"]
    assert (row["operator"], row["role"], row["kind"]) == ("olga", "sysadmin", "command")
    assert row["origin"].startswith(f"ssh {HOST}:")
    assert row["key"].startswith("SHA256:")


def test_a_role_is_kept(stage: Stage) -> None:
    assert stage.run("user", "list", "--json", who="hugo").returncode == 0
    done = stage.run("operator", "list", who="hugo")
    assert done.returncode == 3
    assert "role" in done.stderr
    assert not done.stdout


def test_a_key_that_is_nobodys_is_refused(stage: Stage) -> None:
    done = stage.run("status", who="nobody")
    assert done.returncode == 3
    assert "operator key-add" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "serve",
        "init /tmp/x --hostname a.example --domain a.example",
        "config show",
        "demo",
        "shell --operator olga",
        "mailbox export a@example.org /tmp/x",
        "--config /dev/null status",
        "status --config=/dev/null",
        "--host root@localhost status",
        "--host=root@localhost",
        "--identity /etc/shadow --host a@b status",
        "status; touch PROBE",
        "status && touch PROBE",
        "status | tee PROBE",
        "$(touch PROBE)",
        "`touch PROBE`",
        "status\ntouch PROBE",
        "status > PROBE",
        "'status",
        "@PROBE",
        "user add",
        "queue delete \udcff\udcfe",
        "queue list --filter \x1b]0;owned\x07",
        "gate.bind",
        "x" * 100_000,
    ],
)
def test_what_is_no_action_is_refused(stage: Stage, line: str) -> None:
    probe = stage.folder / "probe"
    done = stage.run(" " + line.replace("PROBE", str(probe)))  # the client would take --host for its own
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert not done.stdout
    assert not probe.exists()
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_terminal_and_a_command_there_is_help(stage: Stage) -> None:
    done = stage.run()
    assert done.returncode == 2
    assert "queue list" in done.stderr
    assert not done.stdout


def test_the_contract(stage: Stage) -> None:
    hello = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {}})
    rebind = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "gate.bind", "params": {"operator": "olga"}})
    done = stage.run("contract", who="hugo", text=f"{hello}\n{rebind}\n")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["result"]["user"] == "hugo"
    assert second["error"]["data"]["kind"] == "Denied"
    assert done.returncode == 0


def test_a_terminal_gets_the_console_and_has_its_modes_back(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.expect("Dashboard")
    until(lambda: "console" in stage.run("session", "list").stdout)
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert "\x1b[?1049l" in terminal.before


def test_who_hangs_up_leaves_nothing_behind(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.expect("Dashboard")
    terminal.close(force=True)
    until(lambda: "console" not in stage.run("session", "list").stdout)


def test_goes_on_when_management_is_started_again(stage: Stage) -> None:
    """Stale for a moment; then on a new connection, bound to the same operator, though the console is confined."""
    terminal = stage.terminal()
    terminal.expect("Dashboard")
    stage.site.kill("management")
    terminal.expect("stale")
    until(lambda: stage.site.status()["service"] == "running", why="management is back")

    def consoles() -> list[tuple[str, str]]:
        rows = stage.site.cli_json("session", "list")["rows"]
        return [(row["operator"], row["kind"]) for row in rows if row["kind"] == "console"]

    assert until(consoles, why="the session is back") == [("olga", "console")]
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_a_contract_ends_when_nobody_is_there(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shell, "LATER", 0.0)
    monkeypatch.setattr(shell, "_LOOK", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert shell._relay(ours, idle=0.2) == 75
    assert "nobody was there" in capfd.readouterr().err


def test_the_operator_may_stand_in_authorized_keys(stage: Stage, tmp_path: Path) -> None:
    public = stage.key("nobody").with_suffix(".pub").read_text().strip()
    command = f"{_entry(stage.site)} --operator hugo".replace('"', '\\"')
    with OpenSsh(tmp_path / "sshd", f'restrict,pty,command="{command}" {public}\n', "").running() as sshd:
        done = sshd.run(stage.key("nobody"), "me", "--json")
        assert done.returncode in (0, 2), done.stderr
        hello = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {}})
        done = sshd.run(stage.key("nobody"), "contract", text=f"{hello}\n")
        assert json.loads(done.stdout)["result"]["user"] == "hugo"


def test_it_is_for_sshd_only(stage: Stage) -> None:
    done = stage.site.cli("shell", "--operator", "olga", check=False)
    assert done.returncode == 2
    assert b"mailconsole console" in done.stderr
