"""A mail account changes its password by SSH, with OpenSSH's client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.harness.site import PASSWORD, Site

NEW = "korrekt Pferd Batterie ñ"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("selfservice") / "site") as site:
        yield site.start()


def _ssh(site: Site, address: str, password: str, *words: str, options: tuple[str, ...] = ()) -> pexpect.spawn[str]:
    """Logged in, or refused."""
    fixed = ["-F", "none", "-p", str(site.base + 22), "-o", "PubkeyAuthentication=no", "-o", "LogLevel=ERROR"]
    trust = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "NumberOfPasswordPrompts=1"]
    command = [*fixed, *trust, *options, f"{address}@{site.host}", *words]
    child = pexpect.spawn("ssh", command, env={**os.environ, "TERM": "xterm"}, encoding="utf-8", timeout=90)
    child.expect("password:")
    child.sendline(password)
    return child


def _end(child: pexpect.spawn[str]) -> tuple[int, str]:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


def _change(child: pexpect.spawn[str], first: str, again: str) -> None:
    child.expect("New password: ")
    child.send(first + "\r")
    child.expect("Once more: ")
    child.send(again + "\r")


def test_a_password_is_changed_and_never_shown(running: Site, tmp_path: Path) -> None:
    running.add_user("alice@example.org")
    child = _ssh(running, "alice@example.org", PASSWORD)
    with (tmp_path / "seen").open("w+") as seen:
        child.logfile_read = seen
        child.expect("at least")
        _change(child, NEW + "xé\x7f\x7f", NEW)
        code, _ = _end(child)
        seen.seek(0)
        assert "Pferd" not in seen.read()
    assert code == 0
    assert _end(_ssh(running, "alice@example.org", PASSWORD))[0] == 255
    child = _ssh(running, "alice@example.org", NEW)
    child.expect("New password: ")
    child.send("\x03")
    code, said = _end(child)
    assert code == 1
    assert "Nothing was changed" in said


def test_a_one_time_password_becomes_an_own_one(running: Site) -> None:
    running.add_user("otto@example.org")
    once = running.cli_json("user", "reset", "otto@example.org")["password"]
    child = _ssh(running, "otto@example.org", once)
    _change(child, "short", "short")
    child.expect("characters")
    _change(child, NEW, NEW + "!")
    child.expect("not the same")
    _change(child, NEW, NEW)
    assert _end(child)[0] == 0
    assert _end(_ssh(running, "otto@example.org", once))[0] == 255
    rows = running.cli_json("audit-log", "list")
    assert once not in json.dumps(rows)
    assert NEW not in json.dumps(rows, ensure_ascii=False)


def test_three_mistakes_are_enough(running: Site) -> None:
    running.add_user("tina@example.org")
    child = _ssh(running, "tina@example.org", PASSWORD)
    for typed in ("\x1b[Aabcdefghijklm\r", "short\rshort\r", f"{NEW}\rother\r"):
        child.expect("New password: ")
        child.send(typed)
    code, said = _end(child)
    assert code == 1
    assert "Nothing was changed" in said
    assert "\x1b[A" not in said


def test_an_owner_says_where_spam_goes(running: Site) -> None:
    running.add_user("jana@example.org")
    for word, junk, said in (("on", True, "goes to Junk"), ("off", False, "goes to INBOX"), ("site", None, "the site")):
        code, words = _end(_ssh(running, "jana@example.org", PASSWORD, "junk", word, options=("-T",)))
        assert (code, said in words) == (0, True), words
        assert running.cli_json("user", "show", "jana@example.org")["account"]["junk"] is junk
    code, words = _end(_ssh(running, "jana@example.org", PASSWORD, "junk", "perhaps", options=("-T",)))
    assert (code, "on, off, site" in words) == (2, True)
    rows = running.cli_json("audit-log", "list", "--what", "account.junk")["rows"]
    assert [row["user"] for row in rows] == ["jana@example.org"] * 3
    once = running.cli_json("user", "reset", "jana@example.org")["password"]
    code, words = _end(_ssh(running, "jana@example.org", once, "junk", "on", options=("-T",)))
    assert code != 0
    assert "do that first" in words


@pytest.mark.parametrize("words", [("status",), ("contract",), ("console",), ("sh", "-c", "id")])
def test_there_is_nothing_else(running: Site, words: tuple[str, ...]) -> None:
    address = f"none-{words[0]}@example.org"
    running.add_user(address)
    code, said = _end(_ssh(running, address, PASSWORD, *words, options=("-T",)))
    assert code == 2
    assert "change its password" in said


def test_a_site_may_switch_it_off(site: Site) -> None:
    site.configure("[ssh]\nself_service = false")
    site.start()
    site.add_user("alice@example.org")
    assert _end(_ssh(site, "alice@example.org", PASSWORD))[0] == 255
