"""The key sheet: made from the keys that work here and from what the service says of its actions."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from screens.link import Link
from screens.text import safe

_NOT_OURS = {"app.focus_next", "app.focus_previous", "screen.copy_text", "command_palette"}


class Help(ModalScreen[None]):
    """Closed by any of the usual keys."""

    CSS = """
    Help { align: center middle; }
    Help VerticalScroll {
        width: 76; max-width: 96%; height: auto; max-height: 92%; padding: 0 2;
        background: $surface; border: round $primary; border-title-color: $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss", "Close")]

    def __init__(self, screen: Screen[None], link: Link) -> None:
        super().__init__()
        self._keys = _keys(screen)
        self._link = link

    def compose(self) -> ComposeResult:
        """The sheet."""
        with VerticalScroll() as box:
            box.border_title = "keys"
            yield Static(self._keys, markup=False)
            yield Static(self._actions(), markup=False)

    def _actions(self) -> Table:
        table = Table(box=None, title_style="bold", title_justify="left", title="\nactions", header_style="dim")
        table.add_column("name", no_wrap=True)
        table.add_column("what it does", ratio=1)
        for action in self._link.hello.actions if self._link.hello else ():
            words = Text(safe(action.help))
            if not action.allowed:
                words.append(f" {safe(action.reason)}", style="yellow")
            table.add_row(safe(action.name), words)
        return table


def _keys(screen: Screen[None]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(ratio=1)
    seen: set[tuple[str, str]] = set()
    for _, binding, enabled, _tip in screen.active_bindings.values():
        words = binding.description or binding.action.rpartition(".")[2].replace("_", " ")
        key = binding.key_display or screen.app.get_key_display(binding)
        if binding.system or (key, words) in seen or binding.action in _NOT_OURS:
            continue
        seen.add((key, words))
        table.add_row(key, Text(words, style="" if enabled else "dim"))
    return table
