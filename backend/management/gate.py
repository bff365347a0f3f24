"""What the SSH server asks management for: is it who it says, and a connection that is that operator's for good.

These methods are no actions: no operator may call them. Who may is decided in `peers`, from what the kernel says.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from backend import clock
from backend.accounts.door import Door, Proof
from backend.accounts.login import Logins
from backend.accounts.operators import NAME
from backend.config import Settings
from backend.errors import BadInput, Denied
from backend.management import rpc
from backend.management.roles import Caller
from backend.management.sessions import Session
from backend.store import accounts, audit, operators
from backend.store.database import Reader, Store, Transaction
from backend.store.operators import ACTIVE, Operator

BIND = "gate.bind"
_KINDS = ("console", "command", "contract")
_HALF = re.compile(r"[\ud800-\udfff]")  # of a character; JSON can say it, and no database keeps it
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = 16_384  # characters of any argument
_THREADS = 4  # so that many who guess passwords keep no action waiting
_LONGEST_IDLE = 1e9  # seconds


class Gate:
    """Answers `gate.*`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gate")  # for what is blocking
        self._settings = settings
        self._door = Door(store, settings.limits)
        self._logins = Logins(store, settings.limits)
        self.blocking: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "gate.key": self._key,
            "gate.owner": self._owner,
            "gate.password": self._password,
            "gate.totp": self._totp,
        }
        self.waiting: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "gate.account": self._account,
            "gate.account-password": self._account_password,
            "gate.account-junk": self._account_junk,
        }

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._door.limits = self._logins.limits = settings.limits

    def close(self) -> None:
        """Let the threads go."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self._logins.close()

    def _key(self, given: dict[str, Any]) -> dict[str, Any]:
        proof = self._door.key(_name(given), text(given, "algorithm"), text(given, "blob"))
        return {"known": proof.right, "more": list(proof.more)}

    def _owner(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"operators": self._door.owners(text(given, "algorithm"), text(given, "blob"))}

    def _password(self, given: dict[str, Any]) -> dict[str, Any]:
        proof = self._door.password(
            _name(given),
            text(given, "password"),
            text(given, "peer"),
            with_key_too=self._settings.ssh.passwords,
        )
        return _opened(proof)

    def _totp(self, given: dict[str, Any]) -> dict[str, Any]:
        return _opened(self._door.code(_name(given), text(given, "code"), text(given, "peer")))

    async def _account(self, given: dict[str, Any]) -> dict[str, Any]:
        try:
            found = await self._logins.open(text(given, "address"), text(given, "password"), text(given, "peer"))
        except Denied:
            return {"open": False, "must_change": False}
        return {"open": True, "must_change": found.must_change}

    async def _account_password(self, given: dict[str, Any]) -> dict[str, Any]:
        await self._logins.change(text(given, "address"), text(given, "old"), text(given, "new"), text(given, "peer"))
        return {"changed": True}

    async def _account_junk(self, given: dict[str, Any]) -> dict[str, Any]:
        word = text(given, "junk")
        if word not in accounts.JUNK:
            raise BadInput(f"junk is one of {', '.join(accounts.JUNK)}.")
        wanted = accounts.JUNK[word]
        await self._logins.set_junk(text(given, "address"), text(given, "password"), wanted, text(given, "peer"))
        return {"changed": True}


def session_of(given: dict[str, Any]) -> Session:
    """The session that a connection is to be bound to; BadInput for one that cannot be."""
    name, kind, identity = _name(given), text(given, "kind"), text(given, "session")
    if kind not in _KINDS or not _SESSION.fullmatch(identity):
        raise BadInput("gate.bind wants a kind of session, and an id for it.")
    key = "" if given.get("key") is None else text(given, "key")
    now = clock.now()
    return Session(identity, name, kind, text(given, "origin"), key, now, now)


def bound(reader: Reader, session: Session) -> tuple[Operator, Caller]:
    """The operator of a session and who that makes the caller, as of now. Denied when the door is closed meanwhile."""
    operator = operators.find(reader, session.operator)
    if operator is None or operator.state != ACTIVE:
        raise Denied(f"The operator {session.operator} may not log in any more.")
    if session.key and session.key not in {key.fingerprint for key in operators.keys(reader, operator.id)}:
        raise Denied("The key of this session was taken away.")
    return operator, Caller(operator.name, operator.role, session.origin, session.key, session.id)


def begin(transaction: Transaction, session: Session, caller: Caller) -> None:
    """Write down that somebody has come."""
    operator = operators.known(transaction, session.operator)
    operators.logged_in(transaction, operator, session.key)
    if session.kind != "command":  # a command is a row of its own when it changes something
        audit.add(
            transaction,
            actor=caller.user,
            role=caller.role,
            origin=caller.origin,
            key=caller.key,
            action="session.begin",
            arguments={"session": session.id, "kind": session.kind},
        )


def text(given: dict[str, Any], name: str) -> str:
    """An argument; BadInput when it is no text, or too long a one."""
    value = given.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST or _HALF.search(value):
        raise BadInput(f"{name} is not a text.")
    return value


def idle_of(request: rpc.Request) -> dict[str, float]:
    """Of gate.pulse: the seconds that each session has been idle."""
    some = request.params.get("sessions")
    if not isinstance(some, dict) or not all(map(_is_span, some.values())):
        raise BadInput("gate.pulse wants the seconds that each session has been idle.")
    return {str(key): float(idle) for key, idle in some.items()}


def _is_span(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= _LONGEST_IDLE


def _name(given: dict[str, Any]) -> str:
    """A name that no operator can have becomes one that none has: the answer is the same."""
    name = text(given, "operator")
    return name if NAME.fullmatch(name) else "-"


def _opened(proof: Proof) -> dict[str, Any]:
    return {"open": proof.right, "more": list(proof.more), "must_change": proof.must_change}
