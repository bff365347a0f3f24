"""`mailconsole demo`, as `make run` runs it where there is no terminal."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.harness.ports import free_base
from tests.harness.site import ROOT
from tests.harness.waiting import until


def demo(folder: Path, base: int, out: Path) -> subprocess.Popen[bytes]:
    """A demo that writes what it says to `out`."""
    with out.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "mailconsole", "demo", str(folder), "--port-base", str(base)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=ROOT,
        )


def answer(folder: Path, *words: str) -> dict[str, object]:
    """What a command on the demo's site answers."""
    command = [sys.executable, "-m", "mailconsole", "--config", f"{folder}/mailconsole.toml", *words, "--json"]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=300, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def log_in(words: str, folder: Path) -> int | None:
    """Log in with the line and the password that the demo says; the exit code."""
    found = re.search(r"^SSH +(ssh -p \d+ admin@\S+), with the password (\S+)$", words, re.MULTILINE)
    assert found
    options = (
        f"-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile={folder}/known_hosts -o PubkeyAuthentication=no"
    )
    child = pexpect.spawn(f"{found[1]} {options} queue list --json", encoding="utf-8", timeout=90)
    child.expect("password: ")
    child.sendline(found[2])
    child.expect('"total"')
    child.expect(pexpect.EOF)
    child.close()
    code: int | None = child.exitstatus
    return code


def strangers(folder: Path) -> dict[str, list[str]]:
    """What became of the mail of each, the newest first, by the last number of the address."""
    found = {}
    for number in range(21, 27):
        rows = answer(folder, "trace", "find", f"127.0.0.{number}")["rows"]
        assert isinstance(rows, list)
        found[str(number)] = [row["verdict"] for row in rows]
    return found


@pytest.mark.slow
def test_serves_with_mail_of_every_kind(tmp_path: Path) -> None:
    """Mail delivered, relayed, deferred, bounced and refused; SIGTERM ends it well; a second run has it all still."""
    folder, out, base = tmp_path / "var", tmp_path / "out", free_base()
    process = demo(folder, base, out)
    try:
        until(lambda: "console" in out.read_text(), within=300, every=0.2, why="the demo says where it is")
        words = out.read_text()
        assert f"127.0.0.1:{base + 25}" in words
        assert len(re.findall(r"^\w+@example\.org +password \S{8,}$", words, re.MULTILINE)) == 3
        for secrets in ("passwords", "operator", "ssh/host_key"):
            assert (folder / secrets).stat().st_mode & 0o077 == 0
        assert log_in(words, tmp_path) == 0

        def sums() -> dict[str, int]:
            minutes = answer(folder, "status")["minutes"]
            assert isinstance(minutes, list)
            return {name: sum(minute[name] for minute in minutes) for name in minutes[0] if name != "time"}

        until(lambda: min(sums().values()) > 0, within=120, every=0.5, why="mail of every kind")
        assert sums()["accepted"] >= 30
        expected = {
            "21": [*["held"] * 3, *["delivered"] * 3],  # viruses and what nobody can look into, after honest mail
            "22": ["held", "held", "refused", "refused", "delivered"],  # files; DMARC, SPF, a domain that only warns
            "23": ["delivered", "refused", "refused"],  # a black list; the postmaster hears everybody
            "24": ["refused"],  # no name
            "25": ["held", "held", "delivered"],  # viruses and files; a white list before a black one
            "26": ["refused"],  # a rule of our own
        }
        with contextlib.suppress(TimeoutError):  # the last of them may still be on its way
            until(lambda: strangers(folder) == expected, every=1.0)
        assert strangers(folder) == expected
        probes = answer(folder, "probe", "list")["rows"]
        assert isinstance(probes, list)
        assert {(row["direction"], row["what"]) for row in probes} == {
            ("in", "eicar"),
            ("in", "gtube"),
            ("out", "eicar"),
        }
        assert {row["outcome"] for row in probes} == {"found"}
        alerts = answer(folder, "virus", "list")["rows"]
        assert isinstance(alerts, list)
        assert [(row["kind"], row["count"]) for row in alerts] == [("outgoing", 1), ("incoming", 4)]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0

    process = demo(folder, base, out)
    try:
        until(lambda: "console" in out.read_text(), within=180, every=0.2, why="the second run serves")
        assert "Sending" not in out.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def test_names_who_has_the_port(tmp_path: Path) -> None:
    """A taken port is one sentence with the port and the program, and nothing is made."""
    base = free_base()
    with socket.create_server(("127.0.0.1", base + 25)):
        process = demo(tmp_path / "var", base, tmp_path / "out")
        assert process.wait(120) == 1
    words = (tmp_path / "out").read_text()
    assert f"127.0.0.1:{base + 25} is taken by pid" in words
    assert "Traceback" not in words
    assert not (tmp_path / "var").exists()
