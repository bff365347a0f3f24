"""The console in a child of the SSH server: it ends when nobody is there, and its crashes go to the service's log."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Awaitable, Callable

from backend import logs
from backend.management.client import Client
from mailconsole import problems
from mailconsole.attended import Attended

_SWEEP = 5.0  # seconds between collections: what is thrown away soon is shared memory that is not written to


class RemoteConsole(Attended):
    """`crashed` is told the incident and the traceback. `idle`: seconds without a key before it ends; 0: never."""

    def __init__(
        self, connect: Callable[[], Awaitable[Client]], crashed: Callable[[str, str], None], idle: float
    ) -> None:
        super().__init__(connect, idle)
        self._crashed = crashed

    def on_mount(self) -> None:
        """Beside what the console does at its start: it sweeps when it has time."""
        self.set_interval(_SWEEP, lambda: gc.collect())

    def _handle_exception(self, error: Exception) -> None:
        """Not on the terminal: the traceback would show what is in the variables."""
        if not self.incident:
            self.incident = logs.incident()
            self._crashed(self.incident, "".join(traceback.format_exception(error)))
        self._return_code = problems.INTERNAL
        self.exit(return_code=problems.INTERNAL)
