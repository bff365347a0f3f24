"""The vacation of one account: dates, subject, text, and the answer as its reader will see it."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Static, TextArea

from backend.errors import MailError
from backend.management.snapshots.vacation import VacationPreview, VacationView
from screens.colours import ink
from screens.link import Link
from screens.live import Live
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.title import Title

_FIELDS = (
    ("starts", "First day", "2026-12-24; empty: now"),
    ("ends", "Last day", "empty: no end"),
    ("days", "Once in days", "7"),
)


class VacationScreen(Live):
    """Opened from an account. The form is filled once and then left to the person."""

    every = 3.0
    CSS = """
    VacationScreen #state { height: 2; padding: 0 1; background: $surface; }
    VacationScreen #dates { height: 2; padding: 0 1; }
    VacationScreen #dates Vertical { width: 1fr; height: 2; padding-right: 1; }
    VacationScreen .name { color: $text-muted; padding: 0 1; }
    VacationScreen #dates .name { padding: 0; }
    VacationScreen Input { border: none; height: 1; padding: 0 1; background: $panel; }
    VacationScreen Input:focus { background: $primary 30%; }
    VacationScreen #subject { margin: 0 1; }
    VacationScreen TextArea { border: none; padding: 0 1; margin: 0 1; background: $panel; height: 1fr; }
    VacationScreen #example { height: 1fr; padding: 1 1 0 1; display: none; }
    VacationScreen.-preview #example { display: block; }
    VacationScreen.-preview #form { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", key_display="Esc", tooltip="to the account; what is not saved is lost"),
        Binding("ctrl+s", "save", "Switch on", tooltip="answer mail with this from now on", priority=True),
        Binding("ctrl+o", "off", "Switch off", tooltip="answer nobody any more; the text is kept", priority=True),
        Binding("ctrl+t", "preview", "Preview", tooltip="the answer as its reader will see it", priority=True),
    ]

    def __init__(self, link: Link, address: str) -> None:
        super().__init__(link)
        self._address = address
        self._filled = False

    def compose(self) -> ComposeResult:
        """State, form, example, keys."""
        yield Title("accounts", f"{self._address} › vacation")
        yield Banner()
        yield Static("", id="state", markup=False)
        with Vertical(id="form"):
            yield Static("Text", classes="name", markup=False)
            yield TextArea(id="text", compact=True, tab_behavior="focus", soft_wrap=True)
            yield Static("Subject (empty: that of the mail, with Auto: before it)", classes="name", markup=False)
            yield Input(id="subject", compact=True)
            with Horizontal(id="dates"):
                for name, title, hint in _FIELDS:
                    with Vertical():
                        yield Static(title, classes="name", markup=False)
                        yield Input(id=name, placeholder=hint, compact=True)
        with VerticalScroll(id="example", can_focus=False):
            yield Static("", id="answer", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """In the text."""
        self.query_one("#text").focus()

    async def ask(self) -> Any:
        """What is set."""
        return await self.link.ask(VacationView, "vacation.show", {"address": self._address})

    def show(self, snapshot: Any) -> None:
        """The state each time, the form once."""
        view: VacationView = snapshot
        words = Text("● ", style=ink.good if view.now else ink.muted)
        state = "is answered now" if view.now else "is set, and not answered now" if view.enabled else "is off"
        words.append(f"Vacation of {safe(view.address)} {state}", style=f"bold {ink.text}")
        words.append(f"\n  {view.answered:,} senders have their answer", style=f"not bold {ink.muted}")
        self.query_one("#state", Static).update(words)
        if not self._filled:
            self._filled = True
            self.query_one("#text", TextArea).text = _clean(view.text)
            for name, value in (("subject", view.subject), ("starts", view.starts), ("ends", view.ends)):
                self.query_one(f"#{name}", Input).value = safe(value or "")
            self.query_one("#days", Input).value = str(view.days)

    @on(Input.Submitted)
    def entered(self) -> None:
        """Enter: on to the next line."""
        self.focus_next()

    def action_save(self) -> None:
        """Switch it on with what is in the form."""
        self.run_worker(self._send("vacation.set", self._form()), exclusive=True, group="vacation")

    def action_off(self) -> None:
        """Switch it off."""
        self.run_worker(self._send("vacation.off", {}), exclusive=True, group="vacation")

    async def _send(self, action: str, arguments: dict[str, Any]) -> None:
        if reason := self.link.refusal(action):
            self.notify(safe(reason), severity="warning", markup=False)
            return
        try:
            view = await self.link.ask(VacationView, action, {"address": self._address, **arguments})
        except (MailError, ValueError) as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        words = (
            "Mail is answered now." if view.now else "It is set." if view.enabled else "Nobody is answered any more."
        )
        self.notify(words, markup=False)
        self.action_refresh()

    def _form(self) -> dict[str, Any]:
        """The arguments that the form stands for; what is empty is not said."""
        words = {
            name: self.query_one(f"#{name}", Input).value.strip() for name in ("subject", "starts", "ends", "days")
        }
        given: dict[str, Any] = {name: value for name, value in words.items() if value}
        given["text"] = self.query_one("#text", TextArea).text
        if "days" in given:
            given["days"] = int(given["days"]) if given["days"].isdecimal() else 0
        return given

    def action_preview(self) -> None:
        """The answer in place of the form, and back."""
        if self.has_class("-preview"):
            self.remove_class("-preview")
            self.query_one("#text").focus()
        else:
            self.run_worker(self._preview(), exclusive=True, group="preview")

    async def _preview(self) -> None:
        form = self._form()
        given = {"address": self._address, "text": form["text"], "subject": form.get("subject", "")}
        try:
            found = await self.link.ask(VacationPreview, "vacation.preview", given)
        except MailError as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        words = Text()
        for name, value in (("From", self._address), ("To", found.to), ("Subject", found.subject)):
            words.append(f"{name:8}", style=ink.muted).append(f"{safe(value)}\n", style=ink.text)
        words.append("\n")
        for line in found.text.split("\n"):
            words.append(f"{safe(line)}\n", style=ink.text)
        self.query_one("#answer", Static).update(words)
        self.add_class("-preview")

    def action_back(self) -> None:
        """From the preview to the form, from the form to the account."""
        if self.has_class("-preview"):
            self.action_preview()
        else:
            self.app.pop_screen()


def _clean(text: str) -> str:
    """Lines that are fit for a terminal."""
    return "\n".join(map(safe, text.split("\n")))
