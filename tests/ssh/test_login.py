"""Who gets in, with what, and as whom it is written down."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyotp
import pytest

from tests.harness.site import Site
from tests.ssh.conftest import Operator

Make = Callable[..., Operator]
PASSWORD_ONLY = ("-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1")


def fingerprint(key: Path) -> str:
    """As ssh-keygen shows it."""
    return subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout.split()[1]


def last_login(site: Site, name: str) -> str:
    """The line of the log that says who came last under this name."""
    lines = [line for line in site.log_text().splitlines() if f"logged in operator={name} " in line]
    return lines[-1]


def test_a_key_opens(olga: Operator) -> None:
    done = olga.run("status")
    assert done.returncode == 0, done.stderr
    assert b"mail.example.org: running" in done.stdout
    assert fingerprint(olga.key) in last_login(olga.site, "olga")


def test_a_key_of_nobody_and_a_name_of_nobody_look_alike(olga: Operator, operator: Make, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    answers = []
    for name in ("olga", "nobody-here"):
        command = [
            word.replace("olga@", f"{name}@") for word in olga.command("status", options=("-o", "BatchMode=yes"))
        ]
        command[command.index(str(olga.key))] = str(stranger)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 255
        answers.append(done.stderr.replace(name, ""))
    assert answers[0] == answers[1]


def test_somebody_elses_public_key_first(olga: Operator, operator: Make, tmp_path: Path) -> None:
    """It is shown without its private half; then the own key follows, and that one is written down."""
    paula = operator("paula", "postmaster")
    shown = tmp_path / "shown.pub"
    shown.write_text(olga.public + "\n")
    options = ("-o", "BatchMode=yes", "-o", f"IdentityFile={shown}")
    done = paula.run("status", options=options)
    assert done.returncode == 0, done.stderr
    assert fingerprint(paula.key) in last_login(paula.site, "paula")
    # With only the public half of olga's, nobody becomes olga.
    command = [word for word in olga.command("status", options=options) if word not in ("-i", str(olga.key))]
    assert subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == 255


def test_a_password_opens_to_who_has_no_key(operator: Make) -> None:
    henry = operator("henry", "helpdesk", key=False)
    child = henry.terminal("me", "show", options=PASSWORD_ONLY)
    child.expect("password: ")
    child.sendline(henry.password)
    child.expect("helpdesk")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_password_does_not_open_to_who_has_a_key(olga: Operator, operator: Make) -> None:
    both = operator("both", key=False)
    both.site.cli("operator", "key-add", "both", both.public)
    child = both.terminal("status", options=PASSWORD_ONLY)
    child.expect("password: ")
    child.sendline(both.password)
    child.expect("Permission denied")
    child.expect(pexpect.EOF)


def test_wrong_passwords_end_the_connection(operator: Make) -> None:
    wrong = operator("wrong", key=False)
    options = ("-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=20")
    child = wrong.terminal(options=options)
    for _ in range(6):
        child.expect("password: ")
        child.sendline("a guess")
    assert child.expect(["password: ", pexpect.EOF]) == 1


def test_a_code_is_asked_for_after_the_key(operator: Make) -> None:
    tess = operator("tess")
    secret = tess.site.cli_json("operator", "totp", "tess")["secret"]
    for right in (False, True):
        child = tess.terminal("me", "show", options=("-o", "NumberOfPasswordPrompts=1"))
        child.expect("Code: ")
        code = pyotp.TOTP(secret).now() if right else "000000"
        child.sendline(code)
        assert child.expect(["sysadmin", "Permission denied"]) == (0 if right else 1)
        child.expect(pexpect.EOF)
    assert tess.run("status").returncode == 255  # with the key alone
    child = tess.terminal("me", "show", options=("-o", "NumberOfPasswordPrompts=1"))
    child.expect("Code: ")
    child.sendline(code)  # the same again
    assert child.expect(["sysadmin", "Permission denied"]) == 1
    assert fingerprint(tess.key) in last_login(tess.site, "tess")


def test_a_disabled_operator_stays_out(operator: Make) -> None:
    gone = operator("gone", "auditor")
    assert gone.run("status").returncode == 0
    gone.site.cli("operator", "disable", "gone")
    assert gone.run("status").returncode == 255


def test_the_banner_says_no_version(door: Site) -> None:
    with socket.create_connection((door.host, door.base + 22), 60) as connection:
        assert connection.recv(100) == b"SSH-2.0-Mailconsole\r\n"


@pytest.mark.parametrize(
    "option",
    [
        "Ciphers=aes128-cbc",
        "Ciphers=3des-cbc",
        "MACs=hmac-sha1",
        "MACs=hmac-md5",
        "KexAlgorithms=diffie-hellman-group14-sha1",
    ],
)
def test_old_algorithms_are_off(olga: Operator, option: str) -> None:
    extra = ("-o", "Ciphers=aes128-ctr") if option.startswith("MACs") else ()
    done = olga.run("status", options=("-o", option, "-o", "LogLevel=INFO", *extra))
    assert done.returncode == 255
    assert b"no matching" in done.stderr


def test_strict_key_exchange_is_agreed(olga: Operator) -> None:
    words = olga.run("status", options=("-o", "LogLevel=DEBUG3")).stderr.decode()
    assert re.search(r"KEX algorithms: .*kex-strict-s-v00@openssh.com", words)


@pytest.mark.slow
def test_the_login_timer(site: Site) -> None:
    site.configure("[limits]\nssh_login_seconds = 2")
    site.start()
    started = time.monotonic()
    with socket.create_connection((site.host, site.base + 22), 60) as connection:
        connection.settimeout(60)
        connection.sendall(b"SSH-2.0-Slow\r\n")
        while connection.recv(4096):
            pass
    assert 1.5 < time.monotonic() - started < 15  # by default it would be twenty seconds
