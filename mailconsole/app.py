"""The console: screens, keys that work everywhere, colours."""

from __future__ import annotations

import contextlib
import os
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from backend import logs
from backend.errors import BadInput, MailError
from backend.management.client import Client
from backend.management.snapshots.hello import Hello
from backend.management.snapshots.operators import Me
from mailconsole import problems
from mailconsole.driver import Driver
from mailconsole.stylesheet import Styles
from screens import colours, password
from screens.colours import Palette
from screens.commands import Commands
from screens.help import Help
from screens.link import Link
from screens.listing import Listing
from screens.tabs import Tab
from screens.text import safe

_AT_ONCE = 0.001  # seconds; the toolkit has no timer without any

TABS = (
    Tab("1", "dashboard", "the service at a glance", "screens.dashboard:Dashboard", "status"),
    Tab("2", "queue", "the mail that waits", "screens.queue:Queue", "queue.list"),
    Tab("3", "trace", "where is my mail?", "screens.trace:Trace", "trace.find"),
    Tab("4", "accounts", "passwords, log-ins, vacations", "screens.accounts:Accounts", "user.list"),
    Tab("5", "operators", "who runs the service", "screens.operators:Operators", "operator.list"),
    Tab("6", "sessions", "who is logged in", "screens.sessions:Sessions", "session.list"),
    Tab("7", "audit", "who changed what", "screens.audit:Audit", "audit-log.list"),
    Tab("8", "settings", "what is in force, and from where", "screens.settings:Settings", "settings.list"),
    Tab("9", "lists", "who is let in, who is kept out", "screens.access:Access", "access.list"),
    Tab("0", "dns", "what should stand in the DNS, and what does", "screens.dns:Dns", "dns.check"),
    Tab("X", "viruses", "engines, outbreaks, who inside is infected", "screens.viruses:Viruses", "virus.list"),
)


def _theme(name: str, palette: Palette) -> Theme:
    """What the toolkit draws, in the colours of a palette of ours."""
    return Theme(
        name=name,
        primary=palette.primary,
        secondary=palette.muted,
        accent=palette.accent,
        success=palette.good,
        warning=palette.warn,
        error=palette.bad,
        background=palette.ground,
        surface=palette.card,
        panel=palette.raised,
        foreground=palette.text,
        dark=palette.dark,
        variables={
            "footer-background": palette.card,
            "footer-description-foreground": palette.muted,
            "footer-key-foreground": palette.accent,
            "scrollbar": palette.raised,
            "scrollbar-hover": palette.faint,
            "scrollbar-active": palette.faint,
            "scrollbar-background": palette.ground,
            "scrollbar-background-hover": palette.ground,
            "scrollbar-background-active": palette.ground,
        },
    )


class Console(App[None]):
    """One person at a terminal."""

    TITLE = "Mailconsole"
    CSS = """
    Console ToastRack { margin-bottom: 3; }
    Console SearchIcon { display: none; }  /* a picture that many terminals draw in another width */
    Console.-plain .datatable--cursor, Console.-plain Button:focus { text-style: reverse; }
    """
    NOTIFICATION_TIMEOUT = 4
    tabs = TABS
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Commands}  # noqa: RUF012  Textual's type for it
    COMMAND_PALETTE_BINDING = "colon"
    COMMAND_PALETTE_DISPLAY = ":"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(tab.key, f"tab('{tab.name}')", tab.title, show=False, tooltip=tab.words) for tab in TABS),
        Binding(
            "V", "authentication", "Authentication", show=False, tooltip="SPF, DKIM, DMARC over time; DMARC reports"
        ),
        Binding("question_mark", "keys", "Help", key_display="?", tooltip="these keys"),
        Binding("colon", "command_palette", "Commands", show=False, key_display=":", tooltip="all of this by name"),
        Binding("U", "deletions", "Deletions", show=False, tooltip="what was deleted, and can be put back"),
        Binding("z", "dnslists", "DNS lists", show=False, tooltip="DNS lists: their health and hits"),
        Binding("I", "quarantine", "Quarantine", show=False, tooltip="mail that is kept from its recipients"),
        Binding("S", "spam", "Spam", show=False, tooltip="spam: how much is marked and why; thresholds tried and set"),
        Binding("T", "theme", "Colours", show=False, tooltip="dark, light or high contrast; kept for the next time"),
        Binding("W", "password", "Own password", show=False, tooltip="choose another password for yourself"),
        Binding("q", "quit", "Quit", show=False, tooltip="leave; the service goes on"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, tooltip="leave, also from a dialog or a form"),
    ]

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        super().__init__(driver_class=Driver)
        self.stylesheet = Styles(variables=self.get_css_variables())
        self.link = Link(connect, self.greeted)
        self.me: Me | None = None
        self.incident = ""
        self.timed_out = False  # whether it ended because nobody was there

    def on_mount(self) -> None:
        """The dashboard first."""
        for name, palette in colours.THEMES.items():
            self.register_theme(_theme(name, palette))
        self.theme = "dark"
        self.set_class(self.no_color or self.console.color_system is None, "-plain")
        for tab in TABS:
            self.add_mode(tab.name, partial(tab.make, self.link))
        self.switch_mode(TABS[0].name)

    def action_dnslists(self) -> None:
        """The DNS lists."""
        from screens.dnslists import DnsLists

        if reason := self.link.refusal(DnsLists.lists):
            self.notify(safe(reason), severity="warning", markup=False)
        elif not isinstance(self.screen, DnsLists):
            self.push_screen(DnsLists(self.link))

    async def action_quarantine(self) -> None:
        """What is kept from its recipients; it lies behind the viruses."""
        from screens.quarantine import Quarantine  # not before somebody wants it

        if reason := self.link.refusal(Quarantine.lists):
            self.notify(safe(reason), severity="warning", markup=False)
            return
        await self.action_tab("viruses")
        self.push_screen(Quarantine(self.link))

    async def action_spam(self) -> None:
        """How much is marked and why; it lies behind the viruses."""
        from screens.spam import Spam

        if reason := self.link.refusal("spam.figures"):
            self.notify(safe(reason), severity="warning", markup=False)
            return
        await self.action_tab("viruses")
        self.push_screen(Spam(self.link))

    async def action_tab(self, name: str, words: str = "") -> None:
        """Open a tab, with a filter when there are `words`; the tab that is open goes back to its first screen."""
        tab = next(tab for tab in TABS if tab.name == name)
        if self.link.hello is not None and (reason := self.link.refusal(tab.action)):
            self.notify(safe(reason), severity="warning", markup=False)
            return
        if self.current_mode != name:
            self.switch_mode(name)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        if words and isinstance(self.screen, Listing):
            self.screen.narrow(words)

    async def action_deletions(self) -> None:
        """What can be put back, behind the audit log; closing it leads there."""
        from screens.deletions import Deletions  # not before somebody wants it

        if reason := self.link.refusal(Deletions.lists):
            self.notify(safe(reason), severity="warning", markup=False)
            return
        await self.action_tab("audit")
        self.push_screen(Deletions(self.link))

    async def action_authentication(self) -> None:
        """What checks found of senders; it lies behind the DNS."""
        await self.action_tab("dns")
        if self.current_mode == "dns":
            await self.run_action("screen.authentication")

    async def action_theme(self) -> None:
        """The next colours, from now on; on the host itself nobody's choice is kept."""
        names = list(colours.THEMES)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        if self.me is not None and self.me.session:
            try:
                await self.link.call("me.theme", {"theme": self.theme})
            except MailError as error:
                self.notify(safe(error), severity="warning", markup=False)

    def watch_theme(self, theme: str) -> None:
        """What we draw goes with what the toolkit draws."""
        if theme in colours.THEMES:
            colours.use(theme)

    def greeted(self, hello: Hello) -> None:
        """The keys of the actions are those that the service gives them; the colours, those of the operator."""
        self.update_keymap({action.name: action.key for action in hello.actions if action.key})
        if self.me is None and self.link.action("me.show") is not None:
            self.run_worker(self._meet(), group="me", exclusive=True)

    async def _meet(self) -> None:
        with contextlib.suppress(MailError):
            self.me = await self.link.ask(Me, "me.show")
            if self.me.theme in colours.THEMES:
                self.theme = self.me.theme
            if self.me.must_change and not await password.choose(self, self.link, must=True):
                self.exit()

    def action_password(self) -> None:
        """Another password for oneself."""
        if self.me is None or not self.me.session:
            self.notify("You are no operator here; log in over SSH as one.", severity="warning", markup=False)
        else:
            self.run_worker(password.choose(self, self.link, must=False), group="me")

    async def on_unmount(self) -> None:
        """Hang up."""
        await self.link.close()

    def action_keys(self) -> None:
        """The key sheet."""
        screen: Screen[Any] = self.screen
        self.push_screen(Help(screen, self.link))

    def delay_update(self, delay: float = _AT_ONCE) -> None:
        """Another tab is drawn as soon as it is there; the toolkit would hold it back for 50 ms."""
        super().delay_update(_AT_ONCE)

    def refresh_css(self, animate: bool = True) -> None:
        """In other colours all that is in sight is styled anew. The toolkit does so for each new screen too, which has
        its styles as it is made.
        """
        screen = self.screen_stack[-1] if self._screen_stack else None
        if screen is not None and self.get_css_variables() == self.stylesheet._variables:
            if not screen.is_mounted:
                screen._css_update_count = self._css_update_count
            if screen._css_update_count == self._css_update_count:
                return
        super().refresh_css(animate)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Never: it would be opened on the server."""

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Never: it would be written on the server."""

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


def run(connect: Callable[[], Awaitable[Client]], kind: type[Console] = Console) -> int:
    """Open the console on the service to which `connect` leads; the exit code. BadInput: on a terminal that can show
    nothing but lines.
    """
    if os.environ.get("TERM") == "dumb":
        raise BadInput(
            "TERM=dumb: a terminal for lines has no screens. Each action is a command too, as in `mailconsole status`."
        )
    app = kind(connect)
    app.run()
    if app.incident:
        problems.say(f"mailconsole: the console failed; {app.traceback_file()} says why. The service goes on.")
    elif app.timed_out:
        problems.say("Nobody was there, so the session has ended.")
    return app.return_code or 0
