"""What needs attention first: a line each, and Enter leads to where it can be seen to."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from backend.management.snapshots.problems import ProblemRow
from screens.colours import ink
from screens.text import safe

_MARKS = {"bad": "✗", "warn": "▲"}


class Problems(OptionList):
    """Takes no room while there are none."""

    DEFAULT_CSS = """
    Problems {
        height: auto; max-height: 4; border: none; padding: 0; background: $surface; scrollbar-size-vertical: 1;
        display: none;
    }
    Problems.-some { display: block; }
    Problems:focus { border: none; background-tint: $foreground 0%; }
    Problems > .option-list--option-highlighted { background: $surface; text-style: none; }
    Problems:focus > .option-list--option-highlighted { background: $primary 35%; text-style: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, tooltip="to the next problem"),
        Binding("k", "cursor_up", "Up", show=False, tooltip="to the problem before"),
        Binding("enter", "select", "Open", show=False, tooltip="where the problem can be seen to"),
    ]

    def __init__(self) -> None:
        super().__init__(markup=False, compact=True)
        self.rows: tuple[ProblemRow, ...] = ()

    def show(self, rows: tuple[ProblemRow, ...]) -> None:
        """Other problems; the cursor stays where it is."""
        if rows == self.rows:
            return
        self.rows, cursor = rows, self.highlighted
        self.clear_options()
        self.add_options(Option(_line(row)) for row in rows)
        self.set_class(bool(rows), "-some")
        if rows:
            self.highlighted = min(cursor or 0, len(rows) - 1)


def _line(row: ProblemRow) -> Text:
    colour = ink.bad if row.severity == "bad" else ink.warn
    line = Text(f" {_MARKS.get(row.severity, '▲')} ", style=colour, no_wrap=True, overflow="ellipsis")
    return line.append(safe(row.sentence, 300), style=f"bold {ink.text}").append(
        f" {safe(row.advice, 300)}", style=ink.muted
    )
