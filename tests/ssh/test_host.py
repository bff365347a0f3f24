"""`mailconsole --host`: the console and the actions from another machine, against our own SSH server and OpenSSH's."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pyotp
import pytest

from backend.errors import BadInput
from mailconsole.remote.hosts import KnownHosts
from mailconsole.remote.target import target
from tests.harness.openssh import SSHD, OpenSsh
from tests.harness.site import COMMAND, Site
from tests.harness.waiting import until


@dataclass(frozen=True)
class Home:
    """Somebody's machine: a folder with .ssh in it, and a key that olga (sysadmin) of the site has."""

    site: Site
    folder: Path

    @property
    def ssh(self) -> Path:
        """.ssh"""
        return self.folder / ".ssh"

    @property
    def port(self) -> int:
        """Of the site's SSH server."""
        return self.site.base + 22

    @property
    def environment(self) -> dict[str, str]:
        """Without an agent."""
        some = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
        return {**some, "HOME": str(self.folder), "TERM": "xterm-256color"}

    def know(self) -> None:
        """The host's key into known_hosts."""
        scan = ["ssh-keyscan", "-p", str(self.port), "127.0.0.1"]
        (self.ssh / "known_hosts").write_bytes(subprocess.run(scan, capture_output=True, check=True).stdout)

    def words(self, *words: str, who: str = "olga") -> list[str]:
        """A command line for the site."""
        return [*COMMAND, "--host", f"{who}@127.0.0.1:{self.port}", *words]

    def run(self, command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
        """Without a terminal."""
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=self.environment,
            start_new_session=True,
        )

    def terminal(self, command: list[str]) -> pexpect.spawn[str]:
        """At one."""
        return pexpect.spawn(
            command[0], command[1:], env=self.environment, encoding="utf-8", timeout=90, dimensions=(24, 80)
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("host") / "site") as site:
        site.start()
        site.cli("operator", "add", "olga", "sysadmin")
        site.cli("operator", "add", "hugo", "helpdesk")
        yield site


@pytest.fixture
def home(served: Site, tmp_path: Path) -> Home:
    made = Home(served, tmp_path)
    made.ssh.mkdir(mode=0o700)
    _new_key(made, made.ssh / "id_ed25519")
    made.know()
    return made


def _new_key(home: Home, file: Path, who: str = "olga", passphrase: str = "") -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", file], check=True)
    home.site.cli("operator", "key-add", who, file.with_suffix(".pub").read_text().strip())


def _end(child: pexpect.spawn[str]) -> tuple[int, str]:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


def test_an_action_is_done_there(home: Home) -> None:
    done = home.run(home.words("session", "list", "--json"))
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["kind"] for row in rows if row["operator"] == "olga"] == ["contract"]
    done = home.run(home.words("user", "add", "remote@example.org", "--password-stdin"), "a long enough password\n")
    assert done.returncode == 0, done.stderr


def test_exit_codes_are_the_usual_ones(home: Home) -> None:
    assert home.run(home.words("queue", "show")).returncode == 2
    _new_key(home, home.ssh / "id_ecdsa", "hugo")
    done = home.run(home.words("operator", "list", who="hugo"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "role" in done.stderr
    nobody = [*COMMAND, "--host", "olga@127.0.0.1:1", "status"]
    assert home.run(nobody).returncode == 75


@pytest.mark.parametrize("words", [["config", "show"], ["serve"], ["status", "--config", "x"], ["shell"]])
def test_what_is_done_on_the_host_itself_is_refused(home: Home, words: list[str]) -> None:
    done = home.run(home.words(*words))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_host_that_is_not_known_is_refused_without_a_terminal(home: Home) -> None:
    (home.ssh / "known_hosts").unlink()
    done = home.run(home.words("status"))
    assert done.returncode == 1
    assert "SHA256:" in done.stderr
    assert not (home.ssh / "known_hosts").exists()


def test_a_host_that_is_not_known_is_asked_about_once(home: Home) -> None:
    file = home.ssh / "known_hosts"
    file.unlink()
    child = home.terminal(home.words("status"))
    child.expect("SHA256:.*y/N")
    child.sendline("n")
    assert _end(child)[0] == 1
    assert not file.exists()
    child = home.terminal(home.words("status"))
    child.expect("SHA256:.*y/N")
    child.sendline("y")
    assert _end(child)[0] == 0
    assert file.read_text().startswith(f"[127.0.0.1]:{home.port} ssh-ed25519 ")
    assert home.run(home.words("status")).returncode == 0
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert file.read_text().startswith("|1|")
    assert home.run(home.words("status")).returncode == 0


def test_a_changed_and_a_revoked_key_are_refused(home: Home) -> None:
    file = home.ssh / "known_hosts"
    right = file.read_text().split()[2]
    other = (home.ssh / "id_ed25519.pub").read_text().split()[1]
    for line, word in (
        (f"[127.0.0.1]:{home.port} ssh-ed25519 {other}\n", "has changed"),
        (f"@revoked * ssh-ed25519 {right}\n", "revoked"),
    ):
        file.write_text(line)
        done = home.run(home.words("status"))
        assert done.returncode == 3
        assert word in done.stderr


def test_ssh_config_is_honoured(home: Home) -> None:
    _new_key(home, home.ssh / "work")
    (home.ssh / "id_ed25519").unlink()
    lines = ["Host mail", "HostName 127.0.0.1", f"Port {home.port}", "User olga", "IdentityFile ~/.ssh/work"]
    (home.ssh / "config").write_text("\n".join(lines).replace("~", str(home.folder)))
    done = home.run([*COMMAND, "--host", "mail", "status", "--json"])
    assert done.returncode == 0, done.stderr


def test_a_passphrase_is_asked_for(home: Home) -> None:
    locked = home.folder / "locked"
    _new_key(home, locked, passphrase="open sesame")
    child = home.terminal(home.words("--identity", str(locked), "status", "--json"))
    for typed in ("wrong one", "open sesame"):
        child.expect("Passphrase")
        child.sendline(typed)
    code, said = _end(child)
    assert code == 0, said
    assert "sesame" not in said


def test_password_and_code(home: Home) -> None:
    password = home.site.cli_json("operator", "add", "paul", "auditor")["password"]
    secret = home.site.cli_json("operator", "totp", "paul")["secret"]
    (home.ssh / "id_ed25519").unlink()
    child = home.terminal(home.words("me", "show", "--json", who="paul"))
    child.expect("Password of paul")
    child.sendline(password)
    child.expect("Code:")
    child.sendline(pyotp.TOTP(secret).now())
    code, said = _end(child)
    assert code == 0, said
    assert password not in said
    done = home.run(home.words("status", who="paul"))
    assert done.returncode == 3
    assert "more than a key" in done.stderr


def test_the_console_opens_and_comes_back_after_a_break(home: Home) -> None:
    child = home.terminal(home.words())
    child.expect("Dashboard")
    home.site.kill("sshd")
    child.expect("tale since")
    until(lambda: home.run(home.words("status")).returncode == 0, every=0.5)
    until(lambda: "contract" in home.site.cli("session", "list").stdout.decode(), every=0.5)
    child.send("q")
    code, said = _end(child)
    assert code == 0
    assert "\x1b[?1049l" in said
    assert "Traceback" not in said


@pytest.mark.skipif(not SSHD.exists(), reason="there is no OpenSSH server")
def test_through_openssh(home: Home) -> None:
    entry = shlex.join([*COMMAND, "--config", str(home.site.config), "shell"])
    keys = (home.ssh / "id_ed25519.pub").read_text()
    with OpenSsh(home.folder / "sshd", keys, f"ExposeAuthInfo yes\nForceCommand {entry}").running() as sshd:
        known = f"[127.0.0.1]:{sshd.port} {(sshd.folder / 'host_key.pub').read_text()}"
        (home.ssh / "known_hosts").write_text(known)
        done = home.run([*COMMAND, "--host", f"{sshd.user}@127.0.0.1:{sshd.port}", "session", "list", "--json"])
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"][-1]["operator"] == "olga"


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ("mail.example.org", True),
        ("other,MAIL.example.org", True),
        ("*.example.org", True),
        ("*,!mail.example.org", False),
        ("[mail.example.org]:22", False),
        ("|1|????|????", False),
        ("|1|", False),
    ],
)
def test_lines_of_known_hosts(tmp_path: Path, names: str, known: bool) -> None:
    (tmp_path / ".ssh").mkdir()
    text = f"# a comment\n\n@cert-authority {names} ssh-rsa AAAA\n{names}\n"
    text += f"{names} ssh-ed25519 AAAA not even base64\n\xff\n"
    (tmp_path / ".ssh/known_hosts").write_text(text)
    found = KnownHosts(target("a@mail.example.org", home=tmp_path))
    assert found.kinds() == ({"ssh-ed25519"} if known else set())


def test_ways_to_name_a_host(tmp_path: Path) -> None:
    def told(where: str) -> tuple[str, str, int, str]:
        found = target(where, home=tmp_path)
        return found.user, found.host, found.port, found.entry

    assert told("a@mail.example.org") == ("a", "mail.example.org", 22, "mail.example.org")
    assert told("a@[2001:db8::1]:2222") == ("a", "2001:db8::1", 2222, "[2001:db8::1]:2222")
    assert told("x@example.org@mail:22")[:3] == ("x@example.org", "mail", 22)


@pytest.mark.parametrize(
    "where", ["", "@", "a@", "-oProxyCommand=x", "a@b:0", "a@b:99999", "a b", "a@b:22:22", "a@\x1b[m"]
)
def test_what_is_no_host(tmp_path: Path, where: str) -> None:
    with pytest.raises(BadInput):
        target(where, home=tmp_path)
