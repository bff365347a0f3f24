"""The console over SSH, and everything that can end it."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pexpect
import pytest

from mailconsole.ssh.terminal import RESTORE
from tests.harness.processes import alive
from tests.harness.site import Site
from tests.harness.waiting import until
from tests.ssh.conftest import Operator, children, has_no_children, until_loaded, zygote

RESTORED = re.escape(RESTORE.decode())


def the_child(site: Site) -> int:
    """The one child of the one session."""
    has_one: list[int] = until(lambda: some if len(some := children(site)) == 1 else [], why="one child")
    return has_one[0]


def end_of(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    """The exit code, and what was written last."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before or ""


def test_opens_and_ends(olga: Operator) -> None:
    child = olga.console()
    child.send("q")
    child.expect(RESTORED)
    assert end_of(child) == (0, "")
    has_no_children(olga.site)


def test_another_size(olga: Operator) -> None:
    child = olga.console()
    child.setwinsize(40, 132)
    child.expect(r"\x1b\[40;\d+H")  # a line that 24 rows do not have
    child.setwinsize(1, 1)
    child.setwinsize(24, 80)
    child.send("q")
    assert end_of(child)[0] == 0


def test_control_c_is_a_key(olga: Operator) -> None:
    child = olga.console()
    child.sendintr()
    time.sleep(0.3)
    assert child.isalive()
    child.send("q")
    assert end_of(child)[0] == 0


def test_a_client_that_vanishes_takes_its_child_along(olga: Operator) -> None:
    child = olga.console()
    pid = the_child(olga.site)
    child.kill(signal.SIGKILL)
    until(lambda: not alive(pid), why="the child has ended")


def test_a_hung_child_ends_with_its_client(olga: Operator) -> None:
    child = olga.console()
    pid = the_child(olga.site)
    os.kill(pid, signal.SIGSTOP)
    child.send("x" * 10_000)
    child.kill(signal.SIGKILL)
    until(lambda: not alive(pid), why="the child has ended")


def test_a_killed_child_leaves_the_terminal_in_order(olga: Operator) -> None:
    child = olga.console()
    os.kill(the_child(olga.site), signal.SIGKILL)
    child.expect(RESTORED)
    code, words = end_of(child)
    assert code == 70
    incident = re.search(r"incident ([0-9A-Z]{8})\.", words)
    assert incident
    assert f"incident={incident[1]} " in olga.site.log_text()


def test_a_crash_is_one_sentence(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 70, the terminal restored, an incident that the log knows, and nothing of what was in the variables."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'mailconsole.ssh.zygote' in sys.orig_argv:\n"
        "    import screens.help\n"
        "    def compose(self):\n"
        "        secret = 'hunter2'\n"
        "        raise RuntimeError('made to fail')\n"
        "    screens.help.Help.compose = compose\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    operator = Operator(until_loaded(site.start()), tmp_path, "olga")
    child = operator.console()
    child.send("?")
    child.expect(RESTORED)
    assert child.before is not None
    seen = child.before
    code, words = end_of(child)
    assert code == 70
    incident = re.search(r"incident ([0-9A-Z]{8})\.", seen + words)
    assert incident
    assert not {word for word in ("hunter2", "Traceback", "RuntimeError", "made to fail") if word in seen + words}
    lines = [line for line in site.log_text().splitlines() if f"incident={incident[1]} " in line]
    assert "made to fail" in lines[0]
    assert "hunter2" not in "".join(lines).replace("secret = 'hunter2'", "")


def test_a_client_that_stops_reading(olga: Operator) -> None:
    """What it does not take is not kept for ever: the session ends."""
    child = olga.console()
    pid = the_child(olga.site)
    client = child.pid
    os.kill(client, signal.SIGSTOP)
    try:
        fd = os.open(f"/proc/{pid}/fd/1", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            deadline = time.monotonic() + 120
            while alive(pid) and time.monotonic() < deadline:
                try:
                    os.write(fd, b"x" * 4_096)
                except BlockingIOError:
                    time.sleep(0.05)
                except OSError:
                    break
        finally:
            os.close(fd)
        until(lambda: not alive(pid), why="the child has ended")
    finally:
        os.kill(client, signal.SIGCONT)
        child.kill(signal.SIGKILL)


def test_goes_on_when_management_is_started_again(olga: Operator) -> None:
    """Stale for a moment; then a new connection, which is bound to the same operator."""
    child = olga.console()
    olga.site.kill("management")
    child.expect("stale")
    until(lambda: olga.site.status()["service"] == "running", why="management is back")

    def only_one() -> bool:
        rows = olga.site.cli_json("session", "list")["rows"]
        return [(row["operator"], row["kind"]) for row in rows] == [("olga", "console")]

    until(only_one, why="the session is back, and those of the tests before are gone")
    child.send("q")
    assert end_of(child)[0] == 0


def test_an_operator_ends_a_session(olga: Operator) -> None:
    child = olga.console()

    def only_one() -> list[dict[str, str]]:
        rows: list[dict[str, str]] = olga.site.cli_json("session", "list")["rows"]
        return rows if len(rows) == 1 else []

    [row] = until(only_one, why="those of the tests before are gone")
    olga.site.cli("session", "end", row["id"], "--yes")
    child.expect("ended by an operator")
    assert end_of(child)[0] == 75


def test_a_killed_zygote_is_started_again(olga: Operator) -> None:
    os.kill(zygote(olga.site), signal.SIGKILL)
    assert olga.run("status").returncode == 0
