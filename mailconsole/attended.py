"""A console that ends when nobody is there: over SSH on the host, and on somebody's own machine with `--host`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from textual import events
from textual.timer import Timer

from backend.errors import MailError
from backend.management.client import Client
from backend.management.snapshots.hello import Hello
from mailconsole.app import Console

_LOOK = 5.0  # seconds between looks at the clock: each one wakes the process
_WARNING = 60.0  # seconds before the end, or half of a shorter time
_WORD = 60.0  # seconds between words to the host that somebody is here, who may touch what asks it nothing


class Attended(Console):
    """`idle`: seconds without a key before it ends; 0: as many as the service says in its greeting, or never."""

    def __init__(self, connect: Callable[[], Awaitable[Client]], idle: float = 0) -> None:
        super().__init__(connect)
        self._idle = idle
        self._clock: Timer | None = None
        self._warned = False
        self._touched = self._told = time.monotonic()
        self._is_asked = False  # whether the host sees keys only by what we ask

    def on_mount(self) -> None:
        """Beside what the console does at its start: the clock."""
        self._watch_clock()

    def greeted(self, hello: Hello) -> None:
        """The service may say how long it waits."""
        super().greeted(hello)
        if hello.idle_seconds:
            self._idle, self._is_asked = hello.idle_seconds, True
            self._watch_clock()

    def _watch_clock(self) -> None:
        if self._idle and self._clock is None:
            self._clock = self.set_interval(min(_LOOK, self._idle / 10), self._look_at_clock)

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
            if self._is_asked and self._touched - self._told > min(_WORD, self._idle / 10):
                self._told = self._touched
                self.run_worker(self._tell(), group="tell", exclusive=True)
            if self._warned:
                self._warned = False
                self.clear_notifications()
                if isinstance(event, events.Key):
                    return
        await super().on_event(event)

    async def _tell(self) -> None:
        """No screen says hello by itself, so the host knows by it that somebody is here."""
        with suppress(MailError):
            await self.link.call("hello")
