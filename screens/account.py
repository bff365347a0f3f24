"""One account: why its owner can log in or cannot, the last tries, app passwords, where its mail goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from backend.management.snapshots.accounts import AccountRow, AccountView
from screens import figures
from screens.acting import Acting
from screens.ask import Field
from screens.colours import ink
from screens.deed import Deed
from screens.link import Link
from screens.note import Note
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.progress import Progress
from screens.widgets.title import Title

DEEDS = (
    Deed(
        "user.reset",
        "P",
        "Password",
        "reset",
        argument="address",
        many=False,
        alone=True,
        advice="The password of now opens nothing from then on. App passwords go on.",
    ),
    Deed("user.unlock", "l", "Unlock", "unlocked", argument="address", many=False),
    Deed("user.suspend", "x", "Suspend", "suspended", argument="address", many=False, undo="user.enable"),
    Deed("user.enable", "e", "Enable", "enabled", argument="address", many=False, undo="user.suspend", quiet=True),
    Deed(
        "user.quota",
        "Q",
        "Quota",
        "changed",
        argument="address",
        many=False,
        quiet=True,
        fields=(Field("size", "Bytes that it may hold", "0 for the site's default", make=int),),
    ),
    Deed(
        "user.junk",
        "J",
        "Junk",
        "changed",
        argument="address",
        many=False,
        quiet=True,
        fields=(
            Field(
                "junk",
                "Spam in Junk",
                "on, off, or site: as the site has it",
                choices=("on", "off", "site"),
            ),
        ),
    ),
    Deed(
        "user.delete",
        "d",
        "Delete",
        "deleted",
        argument="address",
        many=False,
        advice="All its mail goes too; it can be undone for a while. Suspend keeps it, and refuses log-ins.",
        quiet=True,
    ),
)
_PROGRAM = Field("name", "Program", "as in: phone")
_APPS = (
    Deed(
        "user.app-password-add",
        "a",
        "App password",
        "made",
        argument="address",
        many=False,
        fields=(_PROGRAM,),
        quiet=True,
    ),
    Deed(
        "user.app-password-delete",
        "A",
        "Take one away",
        "changed",
        argument="address",
        many=False,
        fields=(_PROGRAM,),
        quiet=True,
    ),
)


def state_of(row: AccountRow) -> str:
    """In one word."""
    if row.state != "active":
        return row.state
    if row.locked_until:
        return "locked"
    return "one-time" if row.one_time else "active" if row.login else "no password"


def password_note(deed: Deed, answer: Mapping[str, Any]) -> Note | None:
    """What must be shown once: a new password."""
    if not answer.get("password"):
        return None
    if deed.action == "user.app-password-add":
        words = "For that program only. It is shown this once, and can be taken away by itself."
        return Note(f"App password {answer['name']} of {answer['address']}", answer["password"], words)
    address = answer["account"]["address"] if "account" in answer else answer["address"]
    until = str(answer["expires"])[:16].replace("T", " ")
    words = f"It is shown this once, and good until {until} UTC: its owner chooses another one with it."
    if apps := answer.get("app_passwords"):
        words += f" {apps} app password{'' if apps == 1 else 's'} still open the account."
    return Note(f"One-time password for {address}", answer["password"], words)


class AccountScreen(Acting[AccountRow]):
    """Opened from the list of accounts; the same keys act on it."""

    every = 3.0
    deeds = (*DEEDS, *_APPS)
    noun = ("account", "accounts")
    CSS = """
    AccountScreen VerticalScroll { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    AccountScreen Static { height: auto; }
    AccountScreen.-wide VerticalScroll { layout: grid; grid-size: 2 1; grid-columns: 2fr 3fr; grid-gutter: 0 4; }
    AccountScreen.-wide VerticalScroll { grid-rows: auto; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  Textual's type for it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back", key_display="Esc", tooltip="to the list"),
        Binding("v", "vacation", "Vacation", tooltip="what is answered while its owner is away"),
        Binding("w", "mail", "Mail", tooltip="the stories of mail to and from this address"),
        Binding("y", "copy", "Copy", show=False, tooltip="the sentence on its log-ins to your clipboard (OSC 52)"),
        Binding("j", "scroll(1)", "Down", show=False, tooltip="scroll"),
        Binding("k", "scroll(-1)", "Up", show=False, tooltip="scroll"),
    ]

    def __init__(self, link: Link, row: AccountRow) -> None:
        super().__init__(link)
        self._row = row

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        yield Title("accounts", self._row.address)
        yield Banner()
        yield Progress()
        with VerticalScroll():
            yield Static("", id="account", markup=False)
            yield Static("", id="logins", markup=False)
        yield Keys()

    async def ask(self) -> Any:
        """All about it."""
        return await self.link.ask(AccountView, "user.show", {"address": self._row.address})

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        view: AccountView = snapshot
        self._row = view.account
        self.query_one("#account", Static).update(Group(_verdict(view), _facts(view), _apps(view)))
        self.query_one("#logins", Static).update(_logins(view))

    @property
    def chosen(self) -> tuple[AccountRow, ...]:
        """This one."""
        return (self._row,)

    def key_of(self, row: AccountRow) -> str:
        """Its address."""
        return row.address

    def label_of(self, row: AccountRow) -> str:
        """Address and size: what would be lost."""
        return f"{row.address}  {row.messages:,} messages, {figures.size(row.bytes)}"

    def prefill(self, deed: Deed, rows: Sequence[AccountRow]) -> Mapping[str, str]:
        """What is so far."""
        return {"size": str(self._row.quota)} if deed.action == "user.quota" else {}

    def answered(self, deed: Deed, answer: Any) -> None:
        """A password is shown this once."""
        if note := password_note(deed, answer):
            self.app.push_screen(note)

    def action_vacation(self) -> None:
        """The vacation of this account."""
        from screens.vacation import VacationScreen  # not before somebody wants it

        self.app.push_screen(VacationScreen(self.link, self._row.address))

    async def action_mail(self) -> None:
        """Where is my mail?"""
        await self.app.run_action(f"tab('trace', '{self._row.address}')")

    def action_copy(self) -> None:
        """The sentence to the clipboard of the terminal (OSC 52)."""
        if self.snapshot is not None:
            self.app.copy_to_clipboard(self.snapshot.verdict)
            self.notify("copied", markup=False)

    def action_back(self) -> None:
        """To the list."""
        self.app.pop_screen()

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _verdict(view: AccountView) -> Text:
    state = state_of(view.account)
    return Text("● ", style=ink.of(state)).append(safe(view.verdict), style=f"bold {ink.text}").append("\n")


def _facts(view: AccountView) -> Table:
    account = view.account
    table = Table.grid(padding=(0, 2))
    table.add_column(style=ink.muted, no_wrap=True)
    table.add_column(overflow="fold")
    quota = f" of {figures.size(account.quota)}" if account.quota else ""
    rows = [
        ("State", state_of(account)),
        ("Mail", f"{account.messages:,} messages, {figures.size(account.bytes)}{quota}"),
        ("Password", f"changed {_time(view.password_changed)}"),
        ("Last log-in", _time(account.seen)),
        ("Created", _time(account.created)),
        ("Also gets", ", ".join(view.aliases)),
        ("Goes to", ", ".join(view.forwards)),
        ("Spam", f"goes to {'Junk' if view.junk else 'INBOX'}{', as the site has it' if account.junk is None else ''}"),
        ("Vacation", "is answered at the moment" if view.vacation else "off"),
    ]
    for name, value in rows:
        if value:
            table.add_row(name, Text(safe(value, 1_000), style=ink.text))
    table.add_row("", "")
    return table


def _apps(view: AccountView) -> RenderableType:
    words = Text("App passwords\n", style=ink.heading)
    for one in view.app_passwords:
        words.append(f"{safe(one.name)}  ", style=f"not bold {ink.text}")
        words.append(f"last used {_time(one.used)}\n", style=f"not bold {ink.muted}")
    if not view.app_passwords:
        words.append("none; a makes one for a program\n", style=f"not bold {ink.muted}")
    return words


def _logins(view: AccountView) -> RenderableType:
    if not view.logins:
        return Text("Log-ins\n", style=ink.heading).append("nobody has tried lately", style=f"not bold {ink.muted}")
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for row in view.logins:
        good = row.outcome == "ok"
        times = f" ×{row.number}" if row.number > 1 else ""
        table.add_row(
            Text(_time(row.time), style=ink.muted),
            Text(f"{'✓' if good else '✗'} {safe(row.outcome)}{times}", style=ink.good if good else ink.warn),
            Text(f"{safe(row.peer)} {safe(row.service)}, {safe(row.way)}", style=ink.muted),
        )
    return Group(Text("Log-ins", style=ink.heading), table)


def _time(rfc3339: str | None) -> str:
    return safe(rfc3339[:16].replace("T", " ")) if rfc3339 else "never"
