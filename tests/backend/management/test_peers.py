"""Who has connected, as the kernel tells it: what the service started gets nothing, however it goes about it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.management.peers import GATEKEEPER, caller_of
from backend.management.roles import SYSADMIN

_DIAL = "import os, socket, sys\nline = socket.socket(socket.AF_UNIX)\n"
_STAYS = _DIAL + "line.connect(sys.argv[1])\nsys.stdin.read()\n"
_ENDS = _DIAL + "line.connect(sys.argv[1])\n"
_ORPHAN = _DIAL + "if os.fork(): os._exit(0)\nos.setsid()\nline.connect(sys.argv[1])\nsys.stdin.read()\n"
_DEEP = _DIAL + (
    "for _ in range(70):\n"
    "    if child := os.fork():\n"
    "        os.waitpid(child, 0)\n"
    "        os._exit(0)\n"
    "line.connect(sys.argv[1])\nsys.stdin.read()\n"
)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "door"))
        listener.listen()
        listener.settimeout(10)
        yield listener


def ssh_role_is(run: Path, pid: int) -> None:
    (run / "roles.json").write_text(json.dumps([{"role": "sshd", "pid": pid}, {"role": "smtp", "pid": None}]))


def role_of(program: str, door: socket.socket, run: Path) -> str:
    """That of a process which this one starts."""
    child = subprocess.Popen([sys.executable, "-c", program, str(run / "door")], stdin=subprocess.PIPE)
    try:
        if program is _ENDS:
            child.wait(10)
        with door.accept()[0] as connection:
            return caller_of(connection, run).role
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait(10)


@pytest.mark.parametrize("program", [_STAYS, _ENDS, _ORPHAN, _DEEP], ids=["stays", "ends", "orphan", "deep"])
def test_without_a_service_around_it_the_user_decides(program: str, door: socket.socket, tmp_path: Path) -> None:
    assert role_of(program, door, tmp_path) == SYSADMIN


@pytest.mark.parametrize("program", [_STAYS, _ENDS, _DEEP], ids=["stays", "ends", "deep"])
def test_what_the_ssh_role_started_gets_nothing(program: str, door: socket.socket, tmp_path: Path) -> None:
    ssh_role_is(tmp_path, os.getpid())
    assert role_of(program, door, tmp_path) == ""


def test_the_ssh_role_itself_gets_the_gate(door: socket.socket, tmp_path: Path) -> None:
    ssh_role_is(tmp_path, os.getpid())
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "door"))
        with door.accept()[0] as connection:
            assert caller_of(connection, tmp_path).role == GATEKEEPER


@pytest.mark.parametrize("program", [_STAYS, _ENDS, _DEEP], ids=["stays", "ends", "deep"])
def test_nor_does_it_while_the_ssh_role_is_being_started_again(
    program: str, door: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Management was started by a supervisor, as this process was by its parent; the SSH role is none just now."""
    monkeypatch.setenv("MAILCONSOLE_LIFELINE", "0")
    assert role_of(program, door, tmp_path) == ""
    (tmp_path / "roles.json").write_text('[{"role": "sshd", "pid": null}]')
    assert role_of(program, door, tmp_path) == ""


@pytest.mark.parametrize("words", ["", "{}", "[1]", '[{"pid": 1}]', "\x00"])
def test_a_broken_list_of_roles_lets_nobody_of_the_service_in(
    words: str, door: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILCONSOLE_LIFELINE", "0")
    (tmp_path / "roles.json").write_text(words)
    assert role_of(_STAYS, door, tmp_path) == ""
