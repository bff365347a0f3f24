"""What is in force and what a reload would change; what needs attention first."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend import site
from backend.config import Settings
from backend.errors import BadInput, Temporary
from backend.management.codec import to_json
from backend.management.registry import find
from backend.management.roles import SYSADMIN, Caller
from backend.settings_file import load
from backend.store.database import Store
from backend.store.lockouts import fail
from tests.backend.management.conftest import Enqueue

Do = Callable[..., Any]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a site as init makes it."""
    return load(site.init(tmp_path / "site", "mail.example.org", "example.org").settings)


@pytest.fixture
def do(settings: Settings, store: Store) -> Do:
    def call(name: str, **arguments: Any) -> Any:
        return to_json(find(name)(store, settings, Caller("tester", SYSADMIN, "test"), arguments))

    return call


def edit(settings: Settings, text: str) -> None:
    with settings.path.open("a") as file:
        file.write(text)
    os.utime(settings.path, ns=(0, settings.path.stat().st_mtime_ns + 1_000_000))


def test_every_key_has_its_value_its_line_and_its_help(do: Do, settings: Settings) -> None:
    page = do("settings.list")
    rows = {row["key"]: row for row in page["rows"]}
    lines = settings.path.read_text().splitlines()
    assert lines[rows["site.hostname"]["line"] - 1].startswith("hostname = ")
    assert rows["site.hostname"]["value"] == "mail.example.org"
    assert rows["limits.recipients"] == {
        "key": "limits.recipients", "value": "150", "default": "150", "line": None, "pending": None,
        "restart": False, "help": rows["limits.recipients"]["help"], "file": None, "author": None, "since": None,
    }  # fmt: skip
    tables = ("relay.route", "dnslists.zone", "outbound.domain", "antivirus.engine", "spam.scorer")
    assert all(row["help"] for row in page["rows"] if row["key"] not in tables)
    assert page["trouble"] == ""
    assert {row["key"].partition(".")[0] for row in do("settings.list", only="set")["rows"]} == {"site", "listen"}
    assert [row["key"] for row in do("settings.list", part="one_time")["rows"]] == ["accounts.one_time_hours"]


def test_what_a_reload_would_change(do: Do, settings: Settings) -> None:
    assert do("settings.list", only="pending")["rows"] == []
    edit(settings, "[limits]\nrecipients = 10\ngroup_commit = 5\n")
    rows = {row["key"]: row for row in do("settings.list", only="pending")["rows"]}
    assert (rows["limits.recipients"]["value"], rows["limits.recipients"]["pending"]) == ("150", "10")
    assert rows["limits.group_commit"]["restart"]
    assert "2 settings of the file are not in force yet." in [row["sentence"] for row in do("problems")["rows"]]


def test_a_file_that_is_wrong_is_said_and_never_loaded(do: Do, settings: Settings) -> None:
    edit(settings, "[limits]\nrecipients = many\n")
    assert "line" in do("settings.list")["trouble"]
    with pytest.raises(BadInput, match="line"):
        do("settings.reload")
    assert any(row["severity"] == "bad" and "settings are wrong" in row["sentence"] for row in do("problems")["rows"])


def test_a_reload_tells_the_supervisor(do: Do, settings: Settings) -> None:
    edit(settings, "[limits]\nrecipients = 10\n")
    with pytest.raises(Temporary, match="does not run"):
        do("settings.reload")
    heard = []
    before = signal.signal(signal.SIGHUP, lambda *_: heard.append(1))
    try:
        (settings.site.run / "service.lock").write_text(str(os.getpid()))
        assert do("settings.reload") == {"changed": ["limits.recipients"], "waiting": []}
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == [1]


def test_nothing_needs_attention_in_a_new_site(do: Do) -> None:
    assert do("problems")["rows"] == []


def test_what_needs_attention(do: Do, settings: Settings, store: Store, enqueue: Enqueue) -> None:
    enqueue("a@remote.test")
    do("queue.hold", domain="remote.test")
    for number in range(3):
        store.write(lambda transaction, n=number: fail(transaction, f"a:u{n}@example.org", 1, 60, 60))  # type: ignore[misc]
    settings.tls.certificate.write_text("no certificate")
    rows = do("problems")["rows"]
    assert [row["severity"] for row in rows] == ["bad", "warn", "warn"]
    assert [(row["screen"], row["filter"]) for row in rows] == [
        ("settings", "tls"), ("queue", "state:held"), ("accounts", "state:locked"),
    ]  # fmt: skip
    assert all(row["sentence"].endswith(".") and row["advice"].endswith(".") for row in rows)


def test_problems_lead_to_screens_that_understand_their_filter() -> None:
    from screens.accounts import Accounts
    from screens.queue import GRAMMAR
    from screens.settings import Settings as Screen

    assert Accounts.grammar.parse("state:locked")
    assert Screen.grammar.parse("only:pending")
    assert Screen.grammar.parse("tls")
    assert GRAMMAR.parse("state:deferred domain:remote.test")
