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

from screens.colours import ink
from screens.commands import keys
from screens.link import Link
from screens.text import safe


class Help(ModalScreen[None]):
    """Closed by any of the usual keys."""

    CSS = """
    Help { align: center middle; }
    Help VerticalScroll {
        width: 78; max-width: 100%; height: auto; max-height: 94%; padding: 1 2;
        background: $surface; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "Close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, screen: Screen[None], link: Link) -> None:
        super().__init__()
        self._keys = _keys(screen, link)
        self._link = link

    def compose(self) -> ComposeResult:
        """The sheet."""
        with VerticalScroll():
            yield Static(self._keys, markup=False)
            yield Static(self._actions(), markup=False)

    def _actions(self) -> Table:
        """All that the service can do."""
        table = _sheet("\nActions", "all of them from the command line too: mailconsole NAME")
        for action in self._link.hello.actions if self._link.hello else ():
            words = Text(safe(action.help), style=ink.muted)
            if not action.allowed:
                words.append(f" {safe(action.refusal)}", style=ink.accent)
            table.add_row(Text(safe(action.name.replace(".", " ")), style=ink.text), words)
        return table

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _sheet(heading: str, words: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column(Text(heading, style=f"bold {ink.primary}"), no_wrap=True)
    table.add_column(Text(f"\n{words}" if heading.startswith("\n") else words, style=ink.faint), ratio=1)
    return table


def _keys(screen: Screen[None], link: Link) -> Table:
    table = _sheet("Keys", "")
    for key in keys(screen, link):
        line = Text(key.name, style=ink.text if key.enabled else ink.faint)
        line.append(f"  {key.words}", style=ink.muted if key.enabled else ink.faint)
        if key.reason:
            line.append(f" {key.reason}", style=ink.accent)
        table.add_row(Text(key.display, style=f"bold {ink.accent}"), line)
    return table
