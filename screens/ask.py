"""One or more fields to fill in before something is done. Enter goes on to the next that is empty, then submits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from screens.colours import ink
from screens.text import safe


@dataclass(frozen=True, slots=True)
class Field:
    """One line to fill in. `make` gives the argument that the text stands for; ValueError when it stands for none."""

    name: str  # of the argument
    title: str
    hint: str = ""
    secret: bool = False
    required: bool = True
    choices: Sequence[str] = ()
    make: Callable[[str], Any] = str

    def read(self, text: str) -> Any:
        """The argument; ValueError in a sentence."""
        if not text:
            if self.required:
                raise ValueError(f"{self.title} is still to be filled in.")
            return None
        if self.choices and text not in self.choices:
            raise ValueError(f"{self.title} is one of {', '.join(self.choices)}.")
        try:
            return self.make(text)
        except ValueError as error:
            raise ValueError(f"{self.title}: {self.hint or error}") from None


WHY = Field("why", "Reason", "the audit log keeps it")


class Ask(ModalScreen[dict[str, str] | None]):
    """Gives the text of every field as it was typed, None for Escape. `trouble` says what was wrong the last time."""

    CSS = """
    Ask { align: center middle; }
    Ask > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 94%; padding: 1 2;
        background: $surface; border-left: outer $primary;
    }
    Ask Static { height: auto; }
    Ask .title { margin-bottom: 1; text-style: bold; }
    Ask .name { color: $text-muted; }
    Ask Input { border: none; height: 1; padding: 0 1; margin-bottom: 1; background: $panel; }
    Ask Input:focus { background: $primary 30%; }
    Ask #trouble { color: $error; text-style: bold; }
    Ask #keys { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(
        self, title: str, fields: Sequence[Field], values: Mapping[str, str] | None = None, trouble: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._values = values or {}
        self._trouble = trouble

    def compose(self) -> ComposeResult:
        """The question, the fields, what is wrong, the keys."""
        with VerticalScroll(can_focus=False):
            yield Static(safe(self._title, 300), classes="title", markup=False)
            for field in self._fields:
                optional = "" if field.required else "  (may stay empty)"
                yield Static(f"{field.title}{optional}", classes="name", markup=False)
                yield Input(
                    self._values.get(field.name, ""),
                    placeholder=field.hint or ", ".join(field.choices),
                    password=field.secret,
                    compact=True,
                    id=f"field-{field.name}",
                )
            yield Static(_trouble(self._trouble), id="trouble", markup=False)
            yield Static("Enter goes on   Esc cancels", id="keys", markup=False)

    def on_mount(self) -> None:
        """In the first field that is to be filled in."""
        self._input(next((field for field in self._fields if self._missing(field)), self._fields[0])).focus()

    @on(Input.Submitted)
    def entered(self) -> None:
        """Enter: on to what is still empty, or done."""
        for field in self._fields:
            try:
                field.read(self._input(field).value.strip() if not field.secret else self._input(field).value)
            except ValueError as error:
                there = self.focused is self._input(field)
                self._input(field).focus()
                if there or not self._missing(field):
                    self.query_one("#trouble", Static).update(_trouble(str(error)))
                return
        self.dismiss({field.name: self._input(field).value for field in self._fields})

    def action_cancel(self) -> None:
        """Decided against it."""
        self.dismiss(None)

    def _input(self, field: Field) -> Input:
        return self.query_one(f"#field-{field.name}", Input)

    def _missing(self, field: Field) -> bool:
        return field.required and not self._input(field).value


def _trouble(words: str) -> Text:
    return Text(f"▲ {safe(words)}" if words else "", style=ink.bad)
