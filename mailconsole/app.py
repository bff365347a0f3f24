"""The console: screens, keys that work everywhere, colours."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from backend import logs
from backend.management.client import Client
from backend.management.snapshots.hello import Hello
from mailconsole import problems
from screens import colours
from screens.commands import Commands
from screens.dashboard import Dashboard
from screens.help import Help
from screens.link import Link
from screens.queue import Queue

_THEME = Theme(
    name="mailconsole",
    primary=colours.PRIMARY,
    secondary=colours.MUTED,
    accent=colours.ACCENT,
    success=colours.GOOD,
    warning=colours.WARN,
    error=colours.BAD,
    background=colours.GROUND,
    surface=colours.CARD,
    panel=colours.RAISED,
    foreground=colours.TEXT,
    dark=True,
    variables={
        "footer-background": colours.CARD,
        "footer-description-foreground": colours.MUTED,
        "footer-key-foreground": colours.ACCENT,
        "scrollbar": colours.RAISED,
        "scrollbar-hover": colours.FAINT,
        "scrollbar-active": colours.FAINT,
        "scrollbar-background": colours.GROUND,
        "scrollbar-background-hover": colours.GROUND,
        "scrollbar-background-active": colours.GROUND,
    },
)


class Console(App[None]):
    """One person at a terminal."""

    TITLE = "Mailconsole"
    NOTIFICATION_TIMEOUT = 4
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Commands}  # noqa: RUF012  Textual's type for it
    COMMAND_PALETTE_BINDING = "colon"
    COMMAND_PALETTE_DISPLAY = ":"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "switch_mode('dashboard')", "Dashboard", show=False, tooltip="the service at a glance"),
        Binding("2", "switch_mode('queue')", "Queue", show=False, tooltip="the mail that waits"),
        Binding("question_mark", "keys", "Help", key_display="?", tooltip="these keys"),
        Binding("colon", "command_palette", "Commands", show=False, key_display=":", tooltip="all of this by name"),
        Binding("q", "quit", "Quit", show=False, tooltip="leave; the service goes on"),
    ]

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        super().__init__()
        self.link = Link(connect, self.greeted)
        self.incident = ""

    def on_mount(self) -> None:
        """The dashboard first."""
        self.register_theme(_THEME)
        self.theme = _THEME.name
        self.add_mode("dashboard", lambda: Dashboard(self.link))
        self.add_mode("queue", lambda: Queue(self.link))
        self.switch_mode("dashboard")

    def greeted(self, hello: Hello) -> None:
        """The keys of the actions are those that the service gives them."""
        self.update_keymap({action.name: action.key for action in hello.actions if action.key})

    async def on_unmount(self) -> None:
        """Hang up."""
        await self.link.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key for where one is already."""
        return not (action == "switch_mode" and parameters == (self.current_mode,))

    def action_keys(self) -> None:
        """The key sheet."""
        screen: Screen[Any] = self.screen
        self.push_screen(Help(screen, self.link))

    def _handle_exception(self, error: Exception) -> None:
        """Keep the traceback in a file: on the screen it would show what is in the variables."""
        if not self.incident:
            self.incident = logs.incident()
            descriptor = os.open(self.traceback_file(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                traceback.print_exception(error, file=file)
        self._return_code = problems.INTERNAL
        self.exit(return_code=problems.INTERNAL)

    def traceback_file(self) -> Path:
        """Where the traceback of a crash lies."""
        return Path(tempfile.gettempdir()) / f"mailconsole-{self.incident}.log"


def run(connect: Callable[[], Awaitable[Client]]) -> int:
    """Open the console on the service to which `connect` leads; the exit code."""
    app = Console(connect)
    app.run()
    if app.incident:
        problems.say(f"mailconsole: the console failed; {app.traceback_file()} says why. The service goes on.")
    return app.return_code or 0
