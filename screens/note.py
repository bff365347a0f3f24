"""Something to read that is shown once, such as a new password: `y` copies it, Escape closes it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from screens.colours import ink
from screens.text import safe


class Note(ModalScreen[None]):
    """`secret` stands large in the middle; `words` say what it is and what to do with it."""

    CSS = """
    Note { align: center middle; }
    Note > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 94%; padding: 1 2;
        background: $surface; border-left: outer $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, title: str, secret: str, words: str) -> None:
        super().__init__()
        self._title, self._secret, self._words = title, secret, words

    def compose(self) -> ComposeResult:
        """Title, secret, words."""
        text = Text(f"{safe(self._title)}\n\n", style=f"bold {ink.text}")
        text.append(f"  {safe(self._secret)}\n\n", style=f"bold {ink.accent}")
        text.append(safe(self._words), style=f"not bold {ink.text}")
        text.append("\n\ny copies it   Esc closes this", style=f"not bold {ink.muted}")
        with VerticalScroll():
            yield Static(text, markup=False)

    def action_copy(self) -> None:
        """To the clipboard of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(self._secret)
        self.notify("copied", markup=False)
