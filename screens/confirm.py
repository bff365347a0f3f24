"""Are you sure? What will happen, to how many, a sample of them, and Cancel in focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from screens.colours import ink
from screens.text import safe

_SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """A button. `answer` is what the dialog gives back; `style` one of Textual's button variants."""

    answer: str
    label: str
    style: str = "default"


class Confirm(ModalScreen[str | None]):
    """Gives the answer of the button, None for Cancel and Escape."""

    CSS = """
    Confirm { align: center middle; }
    Confirm > Vertical {
        width: 76; max-width: 100%; height: auto; max-height: 94%; padding: 1 2;
        background: $surface; border-left: outer $error;
    }
    Confirm #words { margin-bottom: 1; }
    Confirm Horizontal { height: auto; align-horizontal: right; }
    Confirm Button { margin-left: 1; min-width: 10; background: $panel; color: $text; }
    Confirm Button.-primary { color: $primary; }
    Confirm Button.-error { color: $error; }
    Confirm Button:focus { background: $foreground; color: $background; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, sample: Sequence[str], choices: Sequence[Choice], advice: str = "") -> None:
        super().__init__()
        self._question = question
        self._sample = sample
        self._choices = choices
        self._advice = advice

    def compose(self) -> ComposeResult:
        """Words and buttons."""
        words = Text(self._question, style=f"bold {ink.text}")
        for line in self._sample[:_SAMPLE]:
            words.append(f"\n  {safe(line, 68)}", style=f"not bold {ink.text}")
        if len(self._sample) > _SAMPLE:
            words.append(f"\n  and {len(self._sample) - _SAMPLE} more", style=f"not bold {ink.muted}")
        if self._advice:
            words.append(f"\n\n{self._advice}", style=f"not bold {ink.muted}")
        with Vertical():
            yield Static(words, id="words")
            with Horizontal():
                yield Button("Cancel", id="cancel", compact=True)
                for choice in self._choices:
                    yield Button(choice.label, id=choice.answer, variant=choice.style, compact=True)  # type: ignore[arg-type]

    def on_mount(self) -> None:
        """The safe choice has the focus."""
        self.query_one("#cancel").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Decided."""
        event.stop()
        self.dismiss(None if event.button.id == "cancel" else event.button.id)

    def action_cancel(self) -> None:
        """Decided against it."""
        self.dismiss(None)
