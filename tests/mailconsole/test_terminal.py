"""The command line with a person at it: questions, passwords that nobody sees, Ctrl-C."""

from __future__ import annotations

import os
import signal

import pexpect

from tests.harness.site import COMMAND, ROOT, Site
from tests.mailconsole.conftest import Put


def at_terminal(site: Site, *words: str) -> pexpect.spawn[str]:
    """A command on a terminal of 80 columns."""
    command = [*COMMAND, "--config", str(site.config), *words]
    return pexpect.spawn(
        command[0],
        command[1:],
        cwd=str(ROOT),
        env=os.environ,
        encoding="utf-8",
        timeout=90,
        dimensions=(24, 80),
        preexec_fn=_hears_ctrl_c,
    )


def _hears_ctrl_c() -> None:
    """As at a log-in: tests that run in the background have been told not to."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_of(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    """The exit code, and what was written last."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before or ""


def test_a_dangerous_verb_asks_and_no_changes_nothing(site: Site, put: Put) -> None:
    put(b"x", "a@remote.test", "b@remote.test")
    child = at_terminal(site, "queue", "delete", "--domain", "remote.test")
    child.expect(r"2 entries, the first for a@remote.test.*queue hold.*\[y/N\] ")
    child.sendline("n")
    code, words = end_of(child)
    assert code == 1
    assert "Nothing was changed." in words
    assert len(site.queue()) == 2


def test_what_was_asked_about_is_what_is_deleted(site: Site, put: Put) -> None:
    put(b"x", "a@remote.test")
    child = at_terminal(site, "queue", "delete", "--all", "--notice", "no longer wanted")
    child.expect(r"1 entry.*\[y/N\] ")
    late = put(b"x", "late@remote.test")
    child.sendline("y")
    code, words = end_of(child)
    assert code == 0
    assert "1 entry deleted." in words
    assert [entry["id"] for entry in site.queue()] == [f"{late}-1"]


def test_a_terminal_without_screens_is_told_of_the_command_line(site: Site) -> None:
    child = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "--config", str(site.config), "console"], cwd=str(ROOT),
        env={**os.environ, "TERM": "dumb"}, encoding="utf-8", timeout=90,
    )  # fmt: skip
    code, words = end_of(child)
    assert code == 2
    assert "Each action is a command too" in words
    assert "\x1b" not in words


def test_yes_asks_nothing_and_a_table_fits(site: Site, put: Put) -> None:
    one = put(b"x", f"{'a' * 60}@remote.test", sender=f"{'b' * 60}@remote.test")
    code, words = end_of(at_terminal(site, "queue", "list"))
    assert code == 0
    assert max(map(len, words.splitlines())) <= 80
    assert f"{one}-1" in words
    code, words = end_of(at_terminal(site, "queue", "delete", one, "--yes"))
    assert (code, "[y/N]" in words) == (0, False)


def test_a_password_is_typed_twice_and_not_shown(site: Site) -> None:
    site.cli("user", "add", "alice@example.org")
    child = at_terminal(site, "user", "password", "alice@example.org")
    child.expect("Password: ")
    child.sendline("correct horse")
    child.expect("Again: ")
    assert "correct" not in (child.before or "")
    child.sendline("correct horse")
    code, words = end_of(child)
    assert code == 0
    assert "correct" not in words
    child = at_terminal(site, "user", "password", "alice@example.org")
    child.expect("Password: ")
    child.sendline("correct horse")
    child.expect("Again: ")
    child.sendline("another horse")
    assert end_of(child)[0] == 2


def test_ctrl_c_is_quiet(site: Site) -> None:
    child = at_terminal(site, "user", "password", "alice@example.org")
    child.expect("Password: ")
    child.sendintr()
    code, words = end_of(child)
    assert (code, words.replace("^C", "").strip()) == (130, "")
