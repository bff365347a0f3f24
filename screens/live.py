"""A screen that shows a snapshot and keeps it fresh: the one data path of the console.

A worker asks the link, the answer is posted as a message, the reactive `snapshot` holds it, and a watcher changes
the widgets. When the service is gone the screen says since when it is stale, and goes on asking.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen

from backend.errors import MailError
from backend.management.client import NotRunning
from screens.link import Link
from screens.widgets.title import Title


class Live(Screen[None]):
    """Subclasses say what to `ask` and how to `show` it. `every`: seconds between questions."""

    every: ClassVar[float] = 2.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "refresh", "Refresh", show=False),
        Binding("p", "pause", "Pause", show=False),
    ]
    snapshot: reactive[Any] = reactive(None, always_update=True)
    paused: reactive[bool] = reactive(False)

    @dataclass
    class Fresh(Message):
        """An answer came."""

        snapshot: Any

    @dataclass
    class Failed(Message):
        """None came. `gone`: there was nobody to ask."""

        reason: str
        gone: bool

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link
        self._stale: str | None = None
        self._asking = self._wanted_again = False

    async def ask(self) -> Any:
        """The snapshot that this screen shows."""
        raise NotImplementedError

    def show(self, snapshot: Any) -> None:
        """Change the widgets."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Begin to ask."""
        self.set_interval(self.every, self._tick)
        self.action_refresh()

    def on_screen_resume(self) -> None:
        """Back in front: what is here may be old."""
        self.action_refresh()

    def _tick(self) -> None:
        if not self.paused and self.is_current:
            self.action_refresh()

    def action_refresh(self) -> None:
        """Ask now."""
        self._wanted_again = self._asking
        if not self._asking:
            self._asking = True
            self.run_worker(self._ask(), group="ask")

    async def _ask(self) -> None:
        try:
            self.post_message(self.Fresh(await self.ask()))
        except MailError as error:
            self.post_message(self.Failed(str(error), isinstance(error, NotRunning)))
        finally:
            self._asking = False
        if self._wanted_again:  # what to ask has changed meanwhile
            self.action_refresh()

    def on_live_fresh(self, message: Fresh) -> None:
        """Hold what came."""
        message.stop()
        self._stale = None
        self.query_one(Title).stale = ""
        self.refresh_bindings()
        self.snapshot = message.snapshot

    def on_live_failed(self, message: Failed) -> None:
        """Say so, and keep what is shown."""
        message.stop()
        if not message.gone:
            self.notify(message.reason, severity="error", markup=False)
            return
        if self._stale is None:
            self._stale = datetime.datetime.now(datetime.UTC).strftime("%H:%M:%S")
        self.query_one(Title).stale = f"stale since {self._stale}"

    def watch_snapshot(self, snapshot: Any) -> None:
        """The reactive has changed."""
        if snapshot is not None:
            self.show(snapshot)

    def action_pause(self) -> None:
        """Stop asking, or begin again."""
        self.paused = not self.paused
        self.query_one(Title).paused = self.paused
        if not self.paused:
            self.action_refresh()
