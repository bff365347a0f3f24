"""Sessions: who is here, how one ends, and that it stays ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backend.management.roles import SYSADMIN
from backend.store import operators
from backend.store.database import Store, Transaction
from tests.backend.management.conftest import Line
from tests.harness.waiting import until


@pytest.fixture(autouse=True)
def people(store: Store) -> None:
    def add(transaction: Transaction) -> None:
        operators.add(transaction, "root", SYSADMIN, None, must_change=False)
        operators.add(transaction, "olga", "helpdesk", None, must_change=False)

    store.write(add)


def _sessions(line: Line) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = line.call("session.list")["result"]["rows"]
    return rows


def test_a_session_is_as_long_as_its_connections(path: Path) -> None:
    with Line(path) as admin:
        assert _sessions(admin) == []
        with Line(path) as one:
            one.bind("olga", session="s1")
            with Line(path) as two:
                two.bind("olga", session="s1")
                (row,) = _sessions(admin)
                assert (row["id"], row["operator"], row["role"], row["kind"]) == ("s1", "olga", "helpdesk", "console")
            assert [row["id"] for row in _sessions(admin)] == ["s1"]
        until(lambda: _sessions(admin) == [], within=5)


def test_an_ended_session_is_hung_up_and_cannot_come_again(path: Path) -> None:
    with Line(path) as admin, Line(path) as one:
        admin.bind("root")
        one.bind("olga", session="s1")
        with Line(path) as server:
            assert server.call("gate.pulse", sessions={"s1": 90})["result"] == {"end": []}
        assert next(row for row in _sessions(admin) if row["id"] == "s1")["idle_seconds"] in (90, 91)
        assert admin.call("session.end", id="s1")["result"]["operator"] == "olga"
        assert one.answer() is None
        with Line(path) as again:
            assert "was ended" in again.bind("olga", session="s1")["error"]["message"]
            assert again.call("gate.pulse", sessions={"s1": 0, "s2": 0})["result"] == {"end": ["s1"]}
        assert "no session" in admin.call("session.end", id="s1")["error"]["message"]


def test_nobody_joins_another_ones_session(path: Path) -> None:
    with Line(path) as one, Line(path) as two:
        one.bind("olga", session="s1")
        assert "somebody else's" in two.bind("root", session="s1")["error"]["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "root"},
        {"session": "../x"},
        {"session": ""},
        {"session": 5},
        {"operator": None},
        {"operator": "x" * 3_000},
        {"operator": "nobody"},
        {"key": "SHA256:unknown"},
        {"origin": None},
    ],
)
def test_a_bind_that_is_wrong_binds_nothing(path: Path, wrong: dict[str, Any]) -> None:
    good = {"operator": "olga", "key": None, "origin": "ssh x", "kind": "console", "session": "s1"}
    with Line(path) as line:
        assert "error" in line.call("gate.bind", **{**good, **wrong})
        assert _sessions(line) == []  # still who it was


def test_log_ins_are_rows_of_the_audit_log(path: Path) -> None:
    with Line(path) as line:
        line.bind("root", session="s1")
        line.call("operator.disable", name="olga", why="on leave")
        records = line.call("audit-log.list")["result"]["records"]
    assert [(row["action"], row["user"], row["role"]) for row in records] == [
        ("session.begin", "root", SYSADMIN),
        ("operator.disable", "root", SYSADMIN),
    ]
    assert records[1]["origin"] == "ssh 192.0.2.7:50022"
    assert (records[1]["before"]["state"], records[1]["after"]["state"]) == ("active", "suspended")
