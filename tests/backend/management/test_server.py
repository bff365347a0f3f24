"""The management socket under good and hostile callers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from backend.config import Settings
from backend.errors import BadInput, Denied, Temporary
from backend.management import connection as connection_module
from backend.management import registry, rpc
from backend.management import server as server_module
from backend.management.client import Caller, Client, NotRunning, call
from backend.management.codec import from_json, to_json
from backend.management.roles import Caller as Who
from backend.management.snapshots.hello import ActionRow, Hello
from backend.management.snapshots.queue import QueuePage, QueueRow
from backend.management.snapshots.status import Status
from tests.backend.management.conftest import Enqueue, Line
from tests.harness.waiting import until

HELLO = b'{"jsonrpc":"2.0","id":1,"method":"hello"}'


def test_hello_says_who_and_what(path: Path) -> None:
    hello = from_json(Hello, call(path, "hello"))
    assert (hello.contract, hello.role) == (rpc.CONTRACT, "sysadmin")
    assert {row.name for row in hello.actions} == set(registry.actions())
    assert all(isinstance(row, ActionRow) and row.allowed for row in hello.actions)


def test_only_the_owner_may_open_the_socket(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_stranger_may_do_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "caller_of", lambda *_: Who("stranger", "", "socket uid 1000 pid 1"))
    hello = call(path, "hello")
    assert not any(row["allowed"] for row in hello["actions"])
    assert all(row["refusal"] for row in hello["actions"])
    with pytest.raises(Denied):
        call(path, "status")


def test_who_asks_is_what_the_kernel_says(path: Path) -> None:
    call(path, "domain.add", {"domain": "example.net"})
    origin = call(path, "audit-log.list")["rows"][0]["origin"]
    assert origin == f"socket uid {os.getuid()} pid {os.getpid()}"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", rpc.PARSE_ERROR),
        (b"hello", rpc.PARSE_ERROR),
        (b"\xff\xfe\x00", rpc.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"hel', rpc.PARSE_ERROR),
        (b"[" * 4_000, rpc.PARSE_ERROR),
        (b'{"a":' * 800, rpc.PARSE_ERROR),
        (b"1" * 4_090, rpc.INVALID_REQUEST),
        (b"[]", rpc.INVALID_REQUEST),
        (b"[" + HELLO + b"]", rpc.INVALID_REQUEST),
        (b"null", rpc.INVALID_REQUEST),
        (b"{}", rpc.INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"hello"}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":[1],"method":"hello"}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":true,"method":"hello"}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":[1]}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"__init__"}', rpc.METHOD_NOT_FOUND),
        (b'{"jsonrpc":"2.0","id":1,"method":"queue.\\ud800"}', rpc.METHOD_NOT_FOUND),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":1}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"queue.show","params":{"id":"\\u0000"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"queue.show","params":{"id":null}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"queue.list","params":{"limit":1e3}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"queue.list","params":{"limit":NaN}}', -32602),
    ],
)
def test_a_wrong_line_gets_its_error_and_the_next_one_its_answer(path: Path, line: bytes, code: int) -> None:
    with Line(path) as wire:
        error = wire.ask(line)["error"]
        assert error["code"] == code
        assert error["data"] == {"kind": "BadInput", "exit_code": 2}
        assert error["message"].endswith(".")
        assert wire.ask(HELLO)["result"]["role"] == "sysadmin"


def test_a_line_at_the_limit_is_read_and_a_longer_one_ends_the_connection(path: Path, settings: Settings) -> None:
    limit = settings.limits.request_bytes
    with Line(path) as wire:
        assert "result" in wire.ask(HELLO + b" " * (limit - len(HELLO)))
        assert f"at most {limit} bytes" in wire.ask(b" " * (limit + 1))["error"]["message"]
        assert wire.answer() is None
    assert call(path, "hello")


def test_an_endless_line_is_cut_off(path: Path) -> None:
    with Line(path) as wire, pytest.raises(OSError, match=r"Broken pipe|reset"):
        wire.send(b"x" * 64 * 1024 * 1024)
    assert call(path, "hello")


def test_many_lines_at_once_are_answered_in_turn(path: Path) -> None:
    with Line(path) as wire:
        wire.send(b"".join(rpc.request(number, "domain.list", {}) for number in range(200)))
        assert [wire.answer()["id"] for _ in range(200)] == list(range(200))


def answers(path: Path) -> bool:
    """Whether a caller finds room; the server hears a moment later of those who have left."""
    try:
        return bool(call(path, "hello"))
    except Temporary:
        return False


def test_callers_that_leave_disturb_nobody(path: Path) -> None:
    for _ in range(30):
        with contextlib.suppress(OSError), Line(path) as wire:  # the service may be quicker to hang up: too many
            wire.send(rpc.request(1, "status", {}))
        with contextlib.suppress(OSError), Line(path) as wire:
            wire.send(b'{"jsonrpc"')
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: answers(path), why="they are gone")


def test_one_connection_more_than_allowed_is_told_so(path: Path, settings: Settings) -> None:
    allowed = [Caller(path) for _ in range(settings.limits.management_connections)]
    with pytest.raises(Temporary, match="Too many consoles"):
        call(path, "hello")
    allowed.pop().close()
    until(lambda: answers(path), why="there is room for one")
    for one in allowed:
        one.close()


def test_what_goes_wrong_inside_is_an_incident(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(connection_module, "to_json", broken)
    with Line(path) as wire:
        error = wire.ask(rpc.request(1, "domain.list", {}).rstrip())["error"]
    assert error["data"] == {"kind": "Incident", "exit_code": 70}
    assert "incident" in error["message"]
    assert "swordfish" not in error["message"]


def test_what_takes_too_long_is_told_so(settings: Settings, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    object.__setattr__(settings.limits, "request_seconds", 0.2)
    monkeypatch.setattr(connection_module.Connection, "_act", lambda *_: time.sleep(2.0))
    with pytest.raises(Temporary, match="takes too long"):
        call(path, "status")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_READS = sorted(one.name for one in registry.actions().values() if not one.changes)
_NAMES = sorted({parameter.name for one in registry.actions().values() for parameter in one.parameters})
_REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": _VALUES, "method": st.sampled_from(_READS)},
    optional={"params": st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=4) | _VALUES},
)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.binary(max_size=200) | _VALUES.map(lambda one: json.dumps(one).encode())
       | _REQUESTS.map(lambda one: json.dumps(one).encode()))  # fmt: skip
def test_no_line_is_an_incident(path: Path, line: bytes) -> None:
    with Line(path) as wire:
        for part in line.split(b"\n"):
            answer = wire.ask(part)
            assert answer["jsonrpc"] == "2.0"
            assert "result" in answer or answer["error"]["data"]["exit_code"] in (1, 2)


def test_snapshots_survive_the_wire(path: Path, enqueue: Enqueue) -> None:
    enqueue("a@remote.test")
    answer = call(path, "queue.list")
    page = from_json(QueuePage, answer)
    assert isinstance(page.rows[0], QueueRow)
    assert to_json(page) == answer
    status = from_json(Status, call(path, "status"))
    assert (status.queue.total, status.destinations[0].domain, len(status.minutes)) == (1, "remote.test", 60)
    assert from_json(Status, {**to_json(status), "news": 1}) == status, "what a newer service adds is passed over"


async def test_the_client_of_the_console(path: Path) -> None:
    async with await Client.connect(path) as client:
        assert (await client.hello()).role == "sysadmin"
        with pytest.raises(BadInput):
            await client.call("queue.list", {"limit": "x"})
        several = await asyncio.gather(*(client.call("domain.list") for _ in range(20)))
        assert several == [{"domains": ["example.org"]}] * 20
    with pytest.raises(NotRunning):
        await Client.connect(path.with_name("nobody"))


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        Caller(tmp_path / "management.sock")
    left_over = socket.socket(socket.AF_UNIX)
    left_over.bind(str(tmp_path / "management.sock"))
    left_over.close()
    with pytest.raises(NotRunning):
        Caller(tmp_path / "management.sock")


def test_a_role_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.management.client._GREETING", 0.3)
    path = tmp_path / "management.sock"
    listens = "import socket,sys,time; s=socket.socket(1); s.bind(sys.argv[1]); s.listen(); time.sleep(60)"
    hung = subprocess.Popen([sys.executable, "-c", listens, str(path)])
    try:
        until(lambda: listening(path), within=10)
        with pytest.raises(Temporary, match=f"kill -9 {hung.pid}"):
            Caller(path)
    finally:
        hung.send_signal(signal.SIGKILL)
        hung.wait()


def listening(path: Path) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
