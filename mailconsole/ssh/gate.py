"""What the SSH server asks management: whether a key, a password, a code is good, and a connection for who is in."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import Permanent
from backend.management import rpc
from backend.management.client import NotRunning

_PATIENCE = 15.0  # seconds for an answer: a log-in has 20
_LONGEST = 1024 * 1024  # bytes of one


@dataclass(frozen=True, slots=True)
class Identity:
    """Who has logged in, with what, and from where."""

    operator: str
    key: str  # fingerprint; empty: by password
    origin: str  # `ssh 192.0.2.7:50022`


class Gate:
    """Calls to management's `gate`; from any thread. Each raises NotRunning, or the MailError that was answered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def key(self, operator: str, algorithm: str, blob: str) -> dict[str, Any]:
        """{known, more}: whether the public key is the operator's, and what else is asked for."""
        return self._call("gate.key", operator=operator, algorithm=algorithm, blob=blob)

    def owners(self, algorithm: str, blob: str) -> list[str]:
        """The operators who have this public key."""
        found: list[str] = self._call("gate.owner", algorithm=algorithm, blob=blob)["operators"]
        return found

    def password(self, operator: str, password: str, peer: str) -> dict[str, Any]:
        """{open, more, must_change}."""
        return self._call("gate.password", operator=operator, password=password, peer=peer)

    def totp(self, operator: str, code: str, peer: str) -> bool:
        """Whether the code is the one of this minute."""
        return bool(self._call("gate.totp", operator=operator, code=code, peer=peer)["open"])

    def account(self, address: str, password: str, peer: str) -> bool:
        """Whether this is the password of a mail account."""
        return bool(self._call("gate.account", address=address, password=password, peer=peer)["open"])

    def account_password(self, address: str, old: str, new: str, peer: str) -> None:
        """Give a mail account another password; BadInput when that one will not do."""
        self._call("gate.account-password", address=address, old=old, new=new, peer=peer)

    def account_junk(self, address: str, password: str, junk: str, peer: str) -> None:
        """Whether its mail marked as spam goes to Junk: on, off, or as the site has it; BadInput for another word."""
        self._call("gate.account-junk", address=address, password=password, junk=junk, peer=peer)

    def pulse(self, sessions: dict[str, float]) -> list[str]:
        """Tell how long each session has been idle, in seconds; the ids of those that shall end."""
        ended: list[str] = self._call("gate.pulse", sessions=sessions)["end"]
        return ended

    def bind(self, identity: Identity, kind: str, session: str) -> socket.socket:
        """A new connection that is the operator's from now on."""
        connection = self._dialled()
        try:
            who = {"operator": identity.operator, "key": identity.key or None, "origin": identity.origin}
            self._ask(connection, "gate.bind", {**who, "kind": kind, "session": session})
        except BaseException:
            connection.close()
            raise
        connection.settimeout(None)
        return connection

    def close(self) -> None:
        """Let go of the connections that are kept for the next question."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        with self._connection() as connection:
            return self._ask(connection, method, arguments)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[socket.socket]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None and _is_over(connection):  # management was started again
            connection.close()
            connection = None
        connection = connection or self._dialled()
        try:
            yield connection
        except NotRunning:
            connection.close()
            raise
        except BaseException:  # an answer too, and the connection is good for the next question
            self._keep(connection)
            raise
        self._keep(connection)

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._idle.append(connection)

    def _dialled(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_PATIENCE)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            raise NotRunning("The management service does not answer.") from error
        return connection

    def _ask(self, connection: socket.socket, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            connection.sendall(rpc.request(next(self._numbers), method, arguments))
            line = bytearray()
            while not line.endswith(b"\n"):
                if not (block := connection.recv(65_536)):
                    raise NotRunning("The management service hung up.")
                line += block
                if len(line) > _LONGEST:
                    raise NotRunning("The management service says too much.")
        except OSError as error:
            raise NotRunning("The management service does not answer.") from error
        answer = rpc.answer(bytes(line))
        if not isinstance(answer, dict):
            raise Permanent("The management service answered something that is not its contract.")
        return answer


def _is_over(connection: socket.socket) -> bool:
    """Whether the other end has hung up, or says what nobody asked for."""
    return bool(select.select([connection], [], [], 0)[0])
