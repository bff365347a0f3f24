"""Every action of the registry, called at the socket by every role: exactly what the table of roles says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.config import Settings
from backend.management.registry import Action, actions
from backend.management.roles import ROLES, SYSADMIN
from backend.store import operators
from backend.store.database import Store, Transaction
from tests.backend.management.conftest import Line

ALL = list(actions().values())


@pytest.fixture
def people(store: Store) -> None:
    """An operator of each role, named after it, and a second sysadmin."""

    def add(transaction: Transaction) -> None:
        for role in ROLES:
            operators.add(transaction, role, role, None, must_change=False)
        operators.add(transaction, "root", SYSADMIN, None, must_change=False)

    store.write(add)


@pytest.fixture(params=ROLES)
def bound(request: pytest.FixtureRequest, path: Path, people: None) -> Iterator[tuple[str, Line]]:
    """A connection that belongs to an operator of this role."""
    with Line(path) as line:
        assert line.bind(request.param)["result"]["role"] == request.param
        yield request.param, line


def test_every_action_does_what_the_table_says(bound: tuple[str, Line]) -> None:
    """Without arguments, so that what is allowed is wrong use at the most, and changes nothing."""
    role, line = bound
    wrong = []
    for one in ALL:
        answer = line.call(one.name, nonsense=True)
        allowed = role == SYSADMIN or role in one.roles
        if (answer["error"]["data"]["kind"] == "Denied") is allowed:
            wrong.append((one.name, answer["error"]["message"]))
    assert wrong == []


def test_hello_says_the_same(bound: tuple[str, Line]) -> None:
    role, line = bound
    rows = {row["name"]: row["allowed"] for row in line.call("hello")["result"]["actions"]}
    assert rows == {one.name: role == SYSADMIN or role in one.roles for one in ALL}


@pytest.mark.parametrize("one", [one for one in ALL if not one.changes], ids=lambda one: one.name)
def test_what_needs_no_argument_answers_whom_it_may(path: Path, people: None, one: Action) -> None:
    if any(parameter.required for parameter in one.parameters):
        return
    for role in ROLES:
        with Line(path) as line:
            line.bind(role)
            answer = line.call(one.name)
            assert ("result" in answer) is (role == SYSADMIN or role in one.roles), answer


def test_no_word_in_a_message_raises_a_role(bound: tuple[str, Line], store: Store) -> None:
    role, line = bound
    if role == SYSADMIN:
        return
    for words in ({"role": SYSADMIN}, {"_role": SYSADMIN}, {"user": "root"}, {"caller": {"role": SYSADMIN}}):
        assert line.call("operator.role", name=role, **{"role": SYSADMIN, **words})["error"]["data"]["kind"] == "Denied"
        assert line.call("hello", **words)["result"]["role"] == role
    assert store.read(lambda reader: operators.known(reader, role)).role == role


def test_a_bound_connection_is_bound_for_good(bound: tuple[str, Line]) -> None:
    role, line = bound
    assert line.bind("root", session="another")["error"]["data"]["kind"] == "Denied"
    account = ("gate.account", "gate.account-password", "gate.account-junk")
    for method in ("gate.key", "gate.password", "gate.totp", "gate.pulse", *account):
        assert line.call(method)["error"]["data"]["kind"] == "Denied"
    assert line.call("hello")["result"]["role"] == role


def test_what_is_changed_of_an_operator_counts_in_open_sessions(path: Path, people: None, store: Store) -> None:
    with Line(path) as line:
        line.bind("postmaster")
        assert "result" in line.call("operator.list")
        store.write(lambda transaction: operators.set_role(transaction, "postmaster", "helpdesk"))
        assert line.call("operator.list")["error"]["data"]["kind"] == "Denied"
        assert line.call("hello")["result"]["role"] == "helpdesk"
        store.write(lambda transaction: operators.set_state(transaction, "postmaster", "suspended"))
        assert line.call("status")["error"]["data"]["kind"] == "Denied"
    with Line(path) as line:
        assert line.bind("postmaster")["error"]["data"]["kind"] == "Denied"


def test_a_one_time_password_opens_nothing_but_the_way_to_another(path: Path, people: None, store: Store) -> None:
    store.write(lambda transaction: operators.set_password(transaction, "auditor", "x", must_change=True))
    with Line(path) as line:
        line.bind("auditor")
        assert "choose your own first" in line.call("status")["error"]["message"]
        assert line.call("me.show")["result"]["must_change"] is True


_CHILD = """
import json, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
for method, params in json.loads(sys.argv[2]):
    line.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\\n")
    print(line.makefile().readline(), end="", flush=True)
"""
_BIND = {"operator": "root", "key": None, "origin": "x", "kind": "console", "session": "mine"}


def _from_child(path: Path) -> list[str]:
    """What a process that this one starts gets to hear: the kinds of errors, or `result`."""
    calls = json.dumps([["status", {}], ["gate.pulse", {"sessions": {}}], ["gate.bind", _BIND]])
    done = subprocess.run([sys.executable, "-c", _CHILD, path, calls], capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [answer["error"]["data"]["kind"] if "error" in answer else "result" for answer in answers]


def test_a_console_child_gets_nothing_on_a_connection_of_its_own(settings: Settings, path: Path, people: None) -> None:
    assert _from_child(path) == ["result", "result", "result"]
    rows = [{"role": "sshd", "pid": os.getpid()}]
    (settings.site.run / "roles.json").write_text(json.dumps(rows))
    assert _from_child(path) == ["Denied", "Denied", "Denied"]
    with Line(path) as line:  # the SSH role itself: the gate, and nothing else
        assert line.call("status")["error"]["data"]["kind"] == "Denied"
        assert line.call("gate.pulse", sessions={})["result"] == {"end": []}
        assert line.bind("helpdesk")["result"]["role"] == "helpdesk"
        assert line.call("operator.list")["error"]["data"]["kind"] == "Denied"
