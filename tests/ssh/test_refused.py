"""What SSH could do and this server does not."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.harness.ports import free_port
from tests.ssh.conftest import Operator


def test_ports_are_not_forwarded(olga: Operator) -> None:
    """Neither to the host's network, nor from it."""
    port = free_port()
    client = subprocess.Popen(
        olga.command("contract", options=("-o", "BatchMode=yes", "-L", f"127.0.0.1:{port}:127.0.0.1:{olga.site.smtp}")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "hello"}\n')
        client.stdin.flush()
        client.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            assert connection.recv(100) == b""
    finally:
        client.kill()
        client.wait()
    options = ("-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-R", f"{free_port()}:127.0.0.1:25")
    assert olga.run("status", options=options).returncode == 255


@pytest.mark.parametrize("option", ["-X", "-A"])
def test_neither_x11_nor_an_agent(olga: Operator, option: str) -> None:
    environment = {**os.environ, "DISPLAY": "127.0.0.1:99"}
    done = subprocess.run(
        olga.command("status", options=(option, "-v", "-o", "LogLevel=DEBUG")),
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0
    assert "mail.example.org" in done.stdout
    for child in Path("/tmp").glob("ssh-*/agent.*"):
        assert child.owner() != "mailconsole"


def test_no_sftp(olga: Operator) -> None:
    done = olga.run("sftp", options=("-o", "BatchMode=yes", "-s"))
    assert done.returncode == 255
    assert b"subsystem request failed" in done.stderr


def test_the_environment_is_ours(olga: Operator) -> None:
    """LANG, LC_ALL, COLORTERM and NO_COLOR may come, and no other variable reaches a child."""
    command = olga.command(options=("-tt", "-o", "SendEnv=*"))
    environment = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "LANG": "de_DE.UTF-8",
        "COLORTERM": "truecolor",
        "LC_ALL": "$(id)",
        "COLUMNS": "3",
        "TEXTUAL_DRIVER": "os",
        "PYTHONPATH": "/tmp",
        "LD_PRELOAD": "",
        "MAILCONSOLE_CONFIG": "/etc/passwd",
    }
    client = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        assert client.stdout is not None
        assert client.stdout.read(100)
        # It draws in colours of 24 bits, at 80 columns, by the driver of a terminal: all that hangs on the environment.
        drawn = b""
        while b"38;2;" not in drawn:
            drawn += client.stdout.read(100)
    finally:
        client.kill()
        client.wait()
