"""A screen that shows a snapshot and keeps it fresh: the one data path of the console.

A worker asks the link, the answer is posted as a message, the reactive `snapshot` holds it, and a watcher changes
the widgets. When no answer comes the screen says since when it is stale, and goes on asking.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen

from backend.errors import MailError
from screens import figures
from screens.link import Link
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.title import Title

_SLOW = 5.0  # seconds without an answer, from which on what is shown counts as stale


class Live(Screen[None]):
    """Subclasses say what to `ask` and how to `show` it. `every`: seconds between questions."""

    every: ClassVar[float] = 2.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "refresh", "Refresh", show=False, tooltip="ask the service now"),
        Binding("p", "pause", "Pause", show=False, tooltip="let the picture stand still; p goes on"),
    ]
    # `repaint`: only the widgets that `show` changes are drawn. A reactive would have the whole screen drawn each time.
    snapshot: reactive[Any] = reactive(None, always_update=True, repaint=False)
    paused: reactive[bool] = reactive(False, repaint=False)

    @dataclass
    class Fresh(Message):
        """An answer came."""

        snapshot: Any

    @dataclass
    class Failed(Message):
        """None came, and why."""

        reason: str

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link
        self._fresh = figures.now()  # when the last answer came
        self._asking = self._wanted_again = False
        self._asked = 0.0

    async def ask(self) -> Any:
        """The snapshot that this screen shows."""
        raise NotImplementedError

    def show(self, snapshot: Any) -> None:
        """Change the widgets."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Begin to ask."""
        self.set_interval(self.every, self._tick)
        self.app.theme_changed_signal.subscribe(self, lambda _: self.repaint())
        self.action_refresh()

    def on_screen_resume(self) -> None:
        """Back in front: what is here may be old."""
        self.action_refresh()

    def _tick(self) -> None:
        if self.paused or not self.is_current:
            return
        if self._asking and time.monotonic() - self._asked > _SLOW:
            self._stale("The service takes its time to answer.")
        self.action_refresh()

    def action_refresh(self) -> None:
        """Ask now."""
        self._wanted_again = self._asking
        if not self._asking:
            self._asking = True
            self._asked = time.monotonic()
            self.run_worker(self._ask(), group="ask")

    async def _ask(self) -> None:
        try:
            self.post_message(self.Fresh(await self.ask()))
        except MailError as error:
            self.post_message(self.Failed(str(error)))
        finally:
            self._asking = False
        if self._wanted_again:  # what to ask has changed meanwhile
            self.action_refresh()

    def on_live_fresh(self, message: Fresh) -> None:
        """Hold what came."""
        message.stop()
        self._fresh = figures.now()
        self.query_one(Banner).words = ""
        title = self.query_one(Title)
        title.hostname, title.time = self.link.hostname, figures.clock(self._fresh)
        self.snapshot = message.snapshot

    def on_live_failed(self, message: Failed) -> None:
        """Say so, and keep what is shown."""
        message.stop()
        self._stale(message.reason)

    def _stale(self, reason: str) -> None:
        self.query_one(Banner).words = f"stale since {figures.clock(self._fresh)}   {reason}"

    def watch_snapshot(self, snapshot: Any) -> None:
        """The reactive has changed."""
        if snapshot is not None:
            self.show(snapshot)

    def repaint(self) -> None:
        """Draw all of it in other colours."""
        self.query_one(Title).refresh()
        for keys in self.query(Keys):
            keys.repaint()
        self.watch_snapshot(self.snapshot)

    def action_pause(self) -> None:
        """Stop asking, or begin again."""
        self.paused = not self.paused
        self.query_one(Title).paused = self.paused
        if not self.paused:
            self.action_refresh()
