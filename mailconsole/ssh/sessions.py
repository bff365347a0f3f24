"""The sessions that run: how many there may be, which have been idle too long, and which shall end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from backend.config import Settings
from backend.errors import Temporary

if TYPE_CHECKING:
    from mailconsole.selfservice import SelfService
    from mailconsole.ssh.session import Session

LATER = 15.0  # seconds after which a console that did not end by itself is ended
NOBODY = "nobody was there, so the session has ended."


class Sessions:
    """May be used from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._running: dict[str, Session | SelfService] = {}

    def add(self, session: Session | SelfService) -> None:
        """One more; Temporary when there are too many."""
        limits = self.settings.limits
        with self._lock:
            if len(self._running) >= limits.ssh_sessions:
                raise Temporary("Too many sessions are open; try again later.")
            operator = session.identity.operator
            own = sum(one.identity.operator == operator for one in self._running.values())
            if own >= limits.ssh_sessions_per_operator:
                raise Temporary(f"{operator} has {own} sessions open already; leave one.")
            self._running[session.id] = session

    def remove(self, session: Session | SelfService) -> None:
        """It is over."""
        with self._lock:
            self._running.pop(session.id, None)

    def idle(self) -> dict[str, float]:
        """Seconds since each client last sent something. Ends those that are over their time."""
        now, found = time.monotonic(), {}
        minutes = self.settings.ssh.idle_minutes
        for session in self._all():
            found[session.id] = now - session.touched
            if minutes and found[session.id] > minutes * 60 + LATER:
                session.end(NOBODY)
        return found

    def end(self, ids: Iterable[str], reason: str) -> None:
        """End these."""
        for session in self._all():
            if session.id in ids:
                session.end(reason)

    def end_all(self, reason: str, patience: float) -> None:
        """End all, and wait for that up to `patience` seconds."""
        deadline = time.monotonic() + patience
        while (left := self._all()) and time.monotonic() < deadline:
            for session in left:
                session.end(reason)
            time.sleep(0.05)

    def _all(self) -> list[Session | SelfService]:
        with self._lock:
            return list(self._running.values())
