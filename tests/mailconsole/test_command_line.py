"""The command line as other programs call it: what it prints where, and how it ends."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.site import COMMAND, ROOT, Site
from tests.mailconsole.conftest import Put

STOPPED = b"The service is not running; working on its store directly.\n"


def run(*words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command without --config."""
    known = {name: value for name, value in os.environ.items() if name != "MAILCONSOLE_CONFIG"}
    environment = {**known, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [*COMMAND, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_version_comes_without_the_rest() -> None:
    loaded = "import sys; from mailconsole.cli import run\ntry: run(['--version'])\nexcept SystemExit: pass\n"
    probe = subprocess.run(
        [sys.executable, "-c", loaded + "print(sorted(sys.modules))"], cwd=ROOT, capture_output=True, check=True
    )
    assert probe.stdout.startswith(b"mailconsole 0.")
    for name in (b"'textual'", b"'asyncio'", b"'sqlite3'", b"'uvloop'", b"'argon2'", b"'rich'"):
        assert name not in probe.stdout


def test_no_command_loads_what_it_does_not_need(idle_site: Site) -> None:
    words = ["--config", str(idle_site.config), "status"]
    loaded = f"import sys; from mailconsole.cli import run; run({words!r}); print(sorted(sys.modules))"
    probe = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, check=True)
    for name in (b"'textual'", b"'uvloop'", b"'argon2'", b"'rich'", b"'sqlite_utils'", b"'cryptography'"):
        assert name not in probe.stdout


def test_init_makes_a_site_once(tmp_path: Path) -> None:
    words = ("init", str(tmp_path / "a"), "--hostname", "mail.example.org", "--domain", "example.org")
    made = run(*words, "--port-base", "20000", "--json")
    assert (made.returncode, made.stderr) == (0, "")
    assert json.loads(made.stdout)["settings"] == str(tmp_path / "a" / "mailconsole.toml")
    again = run(*words)
    assert (again.returncode, again.stdout) == (2, "")
    assert "There is a site in" in again.stderr
    assert run(*words[:-1], "no domain").returncode == 2
    assert run(*words, "--port-base", "65000").returncode == 2


def test_where_the_settings_are_found(idle_site: Site, tmp_path: Path) -> None:
    nowhere = run("status", cwd=tmp_path)
    assert nowhere.returncode == 2
    assert "--config" in nowhere.stderr
    assert run("config", "check", cwd=tmp_path, MAILCONSOLE_CONFIG=str(idle_site.config)).returncode == 0
    assert run("config", "check", cwd=idle_site.folder).returncode == 0
    missing = run("--config", str(tmp_path / "no.toml"), "status")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "There is no" in missing.stderr


def test_config_check_and_show(site: Site) -> None:
    site.configure("[limits]\nrecipients = 20")
    rows = {row["key"]: row for row in site.cli_json("config", "show")["settings"]}
    assert rows["limits.recipients"]["value"] == 20
    assert rows["limits.recipients"]["from"].startswith("line ")
    assert rows["limits.header_bytes"] == {"key": "limits.header_bytes", "value": 1_048_576, "from": "default"}
    site.configure("[limits]\nrecipiants = 20")
    wrong = site.cli("config", "check", check=False)
    assert wrong.returncode == 2
    assert b'did you mean "recipients"?' in wrong.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("queue",),
        ("nonsense",),
        ("queue", "nonsense"),
        ("queue", "list", "--nonsense"),
        ("queue", "list", "--dom", "remote.test"),
        ("queue", "list", "--limit", "many"),
        ("queue", "list", "--limit", "0"),
        ("queue", "list", "--older-than", "long"),
        ("queue", "hold"),
        ("queue", "hold", "NOSUCHENTRY00-1"),
        ("user", "password", "alice@example.org"),
        ("user", "delete"),
        ("user", "suspend", "nobody@example.org"),
        ("user", "quota", "postmaster@example.org", "much"),
        ("alias", "add", "sales@example.org"),
        ("mailbox", "export", "nobody@example.org", "/tmp/none"),
        ("serve", "--role", "nonsense"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_2_with_words_on_stderr_only(idle_site: Site, words: tuple[str, ...]) -> None:
    done = idle_site.cli(*words, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.strip()
    assert b"Traceback" not in done.stderr


def test_accounts_aliases_and_domains(site: Site) -> None:
    assert site.cli("user", "add", "Alice@Example.org", "--password-stdin", stdin="correct horse\n").stderr == STOPPED
    assert site.cli("user", "add", "alice@example.org", "--password-stdin", stdin="x" * 9, check=False).returncode == 2
    assert site.cli("user", "add", "b@example.org", "--password-stdin", stdin=b"\xff" * 9, check=False).returncode == 2
    listed = site.cli_json("user", "list", "alice")["rows"]
    assert [(row["address"], row["state"], row["login"]) for row in listed] == [("alice@example.org", "active", True)]
    assert site.cli_json("user", "suspend", "alice@example.org")["state"] == "suspended"
    assert site.cli_json("user", "enable", "alice@example.org")["state"] == "active"
    assert site.cli_json("user", "quota", "alice@example.org", "5000000")["quota"] == 5_000_000
    site.cli("user", "password", "alice@example.org", "--password-stdin", stdin="battery staple\n")
    site.cli("user", "unlock", "alice@example.org")
    site.cli("alias", "add", "sales@example.org", "alice@example.org", "carol@remote.test")
    assert len(site.cli_json("alias", "list", "sales")["aliases"]) == 2
    circle = site.cli("alias", "add", "sales@example.org", "sales@example.org", check=False)
    assert circle.returncode == 2
    site.cli("alias", "delete", "sales@example.org", "carol@remote.test")
    assert site.cli_json("alias", "list")["aliases"] == [
        {"address": "sales@example.org", "target": "alice@example.org"}
    ]
    site.cli("domain", "add", "example.net")
    assert site.cli_json("domain", "list")["domains"] == ["example.net", "example.org"]
    assert site.cli("domain", "delete", "example.org", check=False).returncode == 3
    site.cli("domain", "delete", "example.net")
    site.cli("user", "delete", "alice@example.org")
    assert site.cli("user", "delete", "postmaster@example.org", check=False).returncode == 3


def test_the_queue_with_the_service_down(site: Site, put: Put) -> None:
    one = put(b"Subject: x\r\n\r\nx\r\n", "a@remote.test", "b@elsewhere.test")
    listed = site.cli("queue", "list", "--json", "--domain", "remote.test", "--sort", "-age", "--limit", "5")
    assert listed.stderr == STOPPED
    page = json.loads(listed.stdout)
    assert set(page) == {"rows", "total", "offset"}
    assert [row["id"] for row in page["rows"]] == [f"{one}-1"]
    held = site.cli("--json", "queue", "hold", one)
    assert json.loads(held.stdout) == {
        "affected": 2,
        "ids": [f"{one}-1", f"{one}-2"],
        "missed": 0,
        "next": None,
        "undo": None,
    }
    undo = site.cli("queue", "release", "--state", "held").stdout.decode()
    assert undo.startswith("2 entries released. Undo: mailconsole queue hold ")
    assert b"elsewhere.test" in site.cli("queue", "show", one).stdout
    assert b"Released: the message to a@remote.test may go on." in site.cli("trace", "show", one).stdout
    assert (
        site.cli("queue", "delete", "--all", "--why", "a test").stdout
        == b"2 entries deleted.\nUndo: mailconsole undo U1\n"
    )
    assert site.cli("queue", "list").stdout == b"Nothing is waiting.\n"


def test_status_has_the_shape_that_programs_know(site: Site, put: Put) -> None:
    put(b"x", "a@remote.test")
    status = site.status()
    assert set(status) == {
        "version", "hostname", "domain", "service", "time", "roles", "queue", "destinations", "minutes", "disk",
    }  # fmt: skip
    assert (status["service"], status["roles"]) == ("stopped", [])
    assert set(status["queue"]) == {"new", "active", "deferred", "held", "total", "oldest"}
    assert set(status["destinations"][0]) == {"domain", "total", "deferred", "held", "next"}
    assert len(status["minutes"]) == 60
    assert status["minutes"][-1]["accepted"] + status["minutes"][-2]["accepted"] == 1
    assert status["disk"]["free_bytes"] > 0


def test_hostile_words_are_shown_escaped(site: Site, put: Put) -> None:
    sender = "\u202e\x9b31m\u2028@remote.test"
    put(b"x", "a@remote.test", sender=sender)
    for words in (("queue", "list"), ("queue", "list", "--json"), ("trace", sender)):
        text = site.cli(*words).stdout.decode()
        assert text.replace("\n", "").isprintable(), words
        assert "\\x9b31m" in text or "\\u009b31m" in text
    refused = site.cli("queue", "list", "a\x1b[31m", check=False)
    assert b"\x1b" not in refused.stderr


def test_the_audit_log_is_proved_and_a_change_from_outside_is_found(site: Site) -> None:
    site.add_user("alice@example.org", "long enough")
    site.cli("user", "suspend", "alice@example.org", "--why", "left the institute")
    assert site.cli("audit-log", "verify").stdout.startswith(b"2 rows, the chain is whole. Its anchor is 2:")
    assert b"left the institute" in site.cli("audit-log", "list").stdout
    with sqlite3.connect(site.data / "mail.db") as connection:
        connection.execute("UPDATE audit SET reason = '' WHERE id = 2")
    connection.close()
    broken = site.cli("audit-log", "verify", "--json", check=False)
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["broken"] == 2
    assert b"row 2" in broken.stderr


def test_rows_that_were_cut_off_the_audit_log_are_missed(site: Site) -> None:
    site.add_user("alice@example.org", "long enough")
    site.cli("user", "suspend", "alice@example.org")
    with sqlite3.connect(site.data / "mail.db") as connection:
        connection.execute("DELETE FROM audit WHERE id = 2")
    connection.close()
    cut = site.cli("audit-log", "verify", check=False)
    assert cut.returncode == 1
    assert b"1 row was cut off the end of the audit log" in cut.stderr


def test_a_reader_that_leaves_is_no_error(idle_site: Site) -> None:
    command = [*COMMAND, "--config", str(idle_site.config), "config", "show", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(300) == 0


def test_output_that_cannot_be_written_is_said(idle_site: Site) -> None:
    command = [*COMMAND, "--config", str(idle_site.config), "config", "show"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"mailconsole: No space left on device.\n")


def test_what_goes_wrong_inside_is_70_and_no_traceback_on_the_terminal(tmp_path: Path, site: Site) -> None:
    (site.folder / "run" / "roles.json").write_text('[{"nonsense": 1}]')
    done = run("--config", str(site.config), "status", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (70, "")
    assert "Traceback" not in done.stderr
    [log] = tmp_path.glob("mailconsole-*.log")
    assert str(log) in done.stderr
    assert "Traceback" in log.read_text()


def test_the_actions_are_a_table_for_the_manual() -> None:
    table = run("actions", "--markdown")
    assert table.stdout.startswith("| action | key | sysadmin | postmaster | helpdesk | auditor | what it does |\n")
    assert "| `queue delete` | `d` | ● | ● |  |  |" in table.stdout
    assert "queue.delete" in {row["name"] for row in json.loads(run("actions", "--json").stdout)["actions"]}


def test_the_same_commands_through_the_service(shared_site: Site) -> None:
    site = shared_site
    done = site.cli("user", "add", "viasocket@example.org", "--password-stdin", stdin="long enough\n")
    assert done.stderr == b""
    record = site.cli_json("audit-log", "list", "viasocket")["rows"][0]
    assert record["origin"].startswith(f"socket uid {os.getuid()} pid ")
    assert (
        site.cli("user", "add", "viasocket@example.org", "--password-stdin", stdin="x" * 9, check=False).returncode == 2
    )
    assert site.cli("domain", "delete", "example.org", check=False).returncode == 3
    status = site.status()
    assert status["service"] == "running"
    assert {role["role"] for role in status["roles"]} >= {"smtp", "delivery", "management"}
    assert all(role["memory_bytes"] > 1_000_000 for role in status["roles"])
