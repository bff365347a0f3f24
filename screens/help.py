"""The key sheet: made from the keys that work here and from what the service says of its actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from screens.colours import ink
from screens.commands import keys
from screens.link import Link
from screens.text import safe
from screens.widgets.sheet import Entry, Sheet

_WIDTH = 78  # characters, with a border of two at either side
_INSIDE = _WIDTH - 5  # with the scrollbar too


class Help(ModalScreen[None]):
    """Closed by any of the usual keys."""

    CSS = f"""
    Help {{ align: center middle; }}
    Help Sheet {{ width: {_WIDTH}; max-width: 100%; max-height: 94%; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "Close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, screen: Screen[None], link: Link) -> None:
        super().__init__()
        self._sheet = Sheet([list(_keys(screen, link)), list(_actions(link))], _INSIDE)
        self._sheet.styles.height = self._sheet.length + 2

    def compose(self) -> ComposeResult:
        """The sheet."""
        yield self._sheet

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self._sheet.scroll_relative(y=lines, animate=False)


def _keys(screen: Screen[None], link: Link) -> Iterator[Entry]:
    """What can be done on the screen that was in front."""
    yield Entry(("Keys", f"bold {ink.primary}"))
    for key in keys(screen, link):
        words = [(key.name, ink.text if key.enabled else ink.faint)]
        words.append((f"  {key.words}", ink.muted if key.enabled else ink.faint))
        if key.reason:
            words.append((f" {key.reason}", ink.accent))
        yield Entry((key.display, f"bold {ink.accent}"), tuple(words))


def _actions(link: Link) -> Iterator[Entry]:
    """All that the service can do."""
    yield Entry(("", ""))
    advice = "all of them from the command line too: mailconsole NAME"
    yield Entry(("Actions", f"bold {ink.primary}"), ((advice, ink.faint),))
    for action in link.hello.actions if link.hello else ():
        words = [(safe(action.help), ink.muted)]
        if not action.allowed:
            words.append((f" {safe(action.refusal)}", ink.accent))
        yield Entry((safe(action.name.replace(".", " ")), ink.text), tuple(words))
