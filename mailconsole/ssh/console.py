"""The console in a child of the SSH server: it ends when nobody is there, and its crashes go to the service's log."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Awaitable, Callable

from textual import events

from backend import logs
from backend.management.client import Client
from mailconsole import problems
from mailconsole.app import Console

_SWEEP = 5.0  # seconds between collections: what is thrown away soon is shared memory that is not written to
_LOOK = 5.0  # seconds between looks at the clock: each one wakes the process
_WARNING = 60.0  # seconds before the end, or half of a shorter time


class RemoteConsole(Console):
    """`crashed` is told the incident and the traceback. `idle`: seconds without a key before it ends; 0: never."""

    def __init__(
        self, connect: Callable[[], Awaitable[Client]], crashed: Callable[[str, str], None], idle: float
    ) -> None:
        super().__init__(connect)
        self._crashed = crashed
        self._idle = idle
        self._warned = False
        self._touched = time.monotonic()
        self.timed_out = False

    def on_mount(self) -> None:
        """Beside what the console does at its start: the clock."""
        self.set_interval(_SWEEP, lambda: gc.collect())
        if self._idle:
            self.set_interval(min(_LOOK, self._idle / 10), self._look_at_clock)

    def _look_at_clock(self) -> None:
        left = self._idle - (time.monotonic() - self._touched)
        if left <= 0:
            self.timed_out = True
            self.exit()
        elif left <= min(_WARNING, self._idle / 2) and not self._warned:
            self._warned = True
            text = f"Nobody there? This session ends in {left:.0f} seconds; any key keeps it."
            self.notify(text, severity="warning", timeout=left, markup=False)

    async def on_event(self, event: events.Event) -> None:
        """Whoever touches anything is there. The key that answers the warning does nothing else."""
        if isinstance(event, events.InputEvent):
            self._touched = time.monotonic()
            if self._warned:
                self._warned = False
                self.clear_notifications()
                if isinstance(event, events.Key):
                    return
        await super().on_event(event)

    def _handle_exception(self, error: Exception) -> None:
        """Not on the terminal: the traceback would show what is in the variables."""
        if not self.incident:
            self.incident = logs.incident()
            self._crashed(self.incident, "".join(traceback.format_exception(error)))
        self._return_code = problems.INTERNAL
        self.exit(return_code=problems.INTERNAL)
