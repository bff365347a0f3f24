"""Sessions: who is here, how one ends, and that it stays ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backend.errors import Temporary
from backend.limits import Limits
from backend.management.roles import SYSADMIN
from backend.management.sessions import Session, Sessions
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
        until(lambda: _sessions(admin) == [])


def test_an_ended_session_is_hung_up_and_cannot_come_again(path: Path) -> None:
    with Line(path) as admin, Line(path) as one:
        admin.bind("root")
        one.bind("olga", session="s1")
        with Line(path) as server:
            assert server.call("gate.pulse", sessions={"s1": 90})["result"] == {"end": []}
        assert next(row for row in _sessions(admin) if row["id"] == "s1")["idle_seconds"] >= 90
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


def test_an_operator_has_so_many_connections_and_no_more() -> None:
    sessions = Sessions(Limits(management_connections_per_operator=2))

    def bind(operator: str, session: str, connection: int) -> None:
        sessions.bind(Session(session, operator, "console", "ssh x", "", 0, 0), connection, lambda: None)

    bind("olga", "s1", 1)
    bind("olga", "s1", 2)
    for session in ("s1", "s2"):
        with pytest.raises(Temporary, match="too many sessions"):
            bind("olga", session, 3)
    bind("otto", "s3", 4)
    sessions.leave("s1", 2)
    bind("olga", "s2", 3)
    assert [row.id for row in sessions.rows({})] == ["s1", "s3", "s2"]


def test_who_is_kept_out_is_hung_up_at_once(path: Path, store: Store) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHg6BWXCzv+fXw9+PqlrTjRFS2UfD1pAXgPl9SNSrYFN"
    with Line(path) as admin:
        fingerprint = admin.call("operator.key-add", name="olga", key=key)["result"]["keys"][0]["fingerprint"]
        with Line(path) as by_key, Line(path) as by_password:
            by_key.bind("olga", session="s1", key=fingerprint)
            by_password.bind("olga", session="s2")
            assert "result" in admin.call("operator.key-delete", name="olga", fingerprint=fingerprint)
            assert by_key.answer() is None
            assert "result" in by_password.call("status")
            assert "result" in admin.call("operator.disable", name="olga")
            assert by_password.answer() is None


@pytest.mark.parametrize("name", ["disable", "delete", "role"])
def test_the_last_sysadmin_stays_and_nobody_does_it_to_oneself(path: Path, store: Store, name: str) -> None:
    more = {"role": "auditor"} if name == "role" else {}
    with Line(path) as host, Line(path) as root:
        root.bind("root")
        assert "last active sysadmin" in host.call(f"operator.{name}", name="root", **more)["error"]["message"]
        host.call("operator.role", name="olga", role=SYSADMIN)
        assert "another sysadmin" in root.call(f"operator.{name}", name="root", **more)["error"]["message"]
        assert "result" in host.call(f"operator.{name}", name="root", **more)
        assert "last active sysadmin" in host.call(f"operator.{name}", name="olga", **more)["error"]["message"]


def test_a_password_of_ones_own(path: Path) -> None:
    with Line(path) as host, Line(path) as olga:
        first = host.call("operator.password", name="olga")["result"]["password"]
        opened = host.call("gate.password", operator="olga", password=first, peer="192.0.2.7")["result"]
        assert opened == {"open": True, "more": [], "must_change": True}
        olga.bind("olga")
        for new in ("short", first):
            assert olga.call("me.password", old=first, new=new)["error"]["data"]["kind"] == "BadInput"
        assert olga.call("me.password", old="wrong", new="one of my own")["error"]["data"]["kind"] == "Denied"
        assert olga.call("me.password", old=first, new="one of my own")["result"]["must_change"] is False
        assert "result" in olga.call("status")
        assert not host.call("gate.password", operator="olga", password=first, peer="x")["result"]["open"]
        assert host.call("gate.password", operator="olga", password="one of my own", peer="x")["result"]["open"]
        assert not {first, "one of my own"} & set(str(host.call("audit-log.list")).split("'"))


_QUESTIONS = {
    "gate.key": ("operator", "algorithm", "blob"),
    "gate.owner": ("algorithm", "blob"),
    "gate.password": ("operator", "password", "peer"),
    "gate.totp": ("operator", "code", "peer"),
    "gate.account": ("address", "password", "peer"),
    "gate.account-password": ("address", "old", "new", "peer"),
    "gate.account-junk": ("address", "password", "junk", "peer"),
}


@pytest.mark.parametrize(
    "odd", ["", "\ud800", "\x00", "ä" * 500, None, 5, ["x"], {"x": 1}], ids=lambda odd: ascii(odd)[:9]
)
def test_the_gate_takes_anything_without_an_incident(path: Path, odd: Any) -> None:
    for method, names in _QUESTIONS.items():
        for name in names:
            with Line(path) as line:
                answer = line.call(method, **{**dict.fromkeys(names, "olga"), name: odd})
            assert answer.get("error", {"data": {"kind": ""}})["data"]["kind"] != "Incident", (method, name)


@pytest.mark.parametrize("idle", ["NaN", "Infinity", "-1", "1e400", "9" * 400, '"x"', "null", "[]"])
def test_idleness_is_a_number_of_seconds(path: Path, idle: str) -> None:
    with Line(path) as line, Line(path) as olga:
        olga.bind("olga", session="s1")
        pulse = f'{{"jsonrpc":"2.0","id":1,"method":"gate.pulse","params":{{"sessions":{{"s1":{idle}}}}}}}'
        assert line.ask(pulse.encode())["error"]["data"]["kind"] == "BadInput"
        assert _sessions(line)[0]["idle_seconds"] == 0


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
        records = line.call("audit-log.list")["result"]["rows"][::-1]
    assert [(row["action"], row["user"], row["role"]) for row in records] == [
        ("session.begin", "root", SYSADMIN),
        ("operator.disable", "root", SYSADMIN),
    ]
    assert records[1]["origin"] == "ssh 192.0.2.7:50022"
    assert (records[1]["before"]["state"], records[1]["after"]["state"]) == ("active", "suspended")
