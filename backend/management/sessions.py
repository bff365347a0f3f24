"""The sessions of operators who came by SSH: what binds a connection to one of them, and who is here.

They are kept in memory: a session is as long as its connections. One that was ended stays ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from backend import clock
from backend.errors import Denied, Temporary
from backend.limits import Limits
from backend.management.snapshots.sessions import SessionRow

_REMEMBERED = 10_000  # ids of ended sessions


@dataclass(slots=True)
class Session:
    """One log-in. `hang_up`s close its connections."""

    id: str
    operator: str
    kind: str  # console, command, contract
    origin: str
    key: str  # fingerprint of the SSH key; empty: by password
    started: float
    heard: float  # when the operator last did something
    connections: dict[int, Callable[[], None]] = field(default_factory=dict)


class Sessions:
    """All of them; safe to use from threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        self._ended: dict[str, None] = {}

    def bind(self, session: Session, connection: int, hang_up: Callable[[], None]) -> Session:
        """Count a connection to its session, which begins with the first. Denied: it was ended. Temporary: too many."""
        with self._lock:
            if session.id in self._ended:
                raise Denied("This session was ended.")
            known = self._open.get(session.id, session)
            if (known.operator, known.key) != (session.operator, session.key):
                raise Denied("This session is somebody else's.")
            mine = sum(len(one.connections) for one in self._open.values() if one.operator == session.operator)
            if mine >= self.limits.management_connections_per_operator:
                raise Temporary(f"{session.operator} has too many sessions; end one: mailconsole session list.")
            self._open[session.id] = known
            known.connections[connection] = hang_up
            return known

    def leave(self, session: str, connection: int) -> None:
        """A connection is over; the session too, when it was the last."""
        with self._lock:
            known = self._open.get(session)
            if known is not None:
                known.connections.pop(connection, None)
                if not known.connections:
                    del self._open[session]

    def heard(self, session: str, idle: float = 0.0) -> None:
        """The operator did something, `idle` seconds ago."""
        with self._lock:
            if known := self._open.get(session):
                known.heard = clock.now() - idle

    def is_open(self, session: str) -> bool:
        """Whether it was not ended."""
        with self._lock:
            return session in self._open

    def end(self, session: str) -> Session | None:
        """End it and hang up on it; None when there is none."""
        with self._lock:
            known = self._open.pop(session, None)
            if known is None:
                return None
            self._ended[session] = None
            while len(self._ended) > _REMEMBERED:
                self._ended.pop(next(iter(self._ended)))
        for hang_up in known.connections.values():
            hang_up()
        return known

    def ended(self, sessions: list[str]) -> list[str]:
        """Those of these that were ended."""
        with self._lock:
            return [one for one in sessions if one in self._ended]

    def rows(self, roles: dict[str, str]) -> tuple[SessionRow, ...]:
        """All sessions, the oldest first; `roles` by the name of the operator."""
        with self._lock:
            some = sorted(self._open.values(), key=lambda one: one.started)
            return tuple(
                SessionRow(
                    id=one.id,
                    operator=one.operator,
                    role=roles.get(one.operator, ""),
                    kind=one.kind,
                    origin=one.origin,
                    key=one.key,
                    started=clock.rfc3339(one.started),
                    idle_seconds=max(0, int(clock.now() - one.heard)),
                )
                for one in some
            )
