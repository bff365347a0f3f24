"""A page of text that does not change: it is scrolled, and Escape leads back."""

from __future__ import annotations

from typing import ClassVar

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.title import Title


class Page(Screen[None]):
    """`tab` is lit, `crumb` stands behind it. What is in `text` has been through `safe`."""

    CSS = """
    Page VerticalScroll { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    Page Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll(1)", "Down", show=False, tooltip="scroll"),
        Binding("k", "scroll(-1)", "Up", show=False, tooltip="scroll"),
        Binding("g", "scroll(-100000)", "Top", show=False, tooltip="to the first line"),
        Binding("G", "scroll(100000)", "Bottom", show=False, tooltip="to the last line"),
        Binding("escape,q", "app.pop_screen", "Back", key_display="Esc", tooltip="to where you were"),
    ]

    def __init__(self, tab: str, crumb: str, text: RenderableType) -> None:
        super().__init__()
        self._tab, self._crumb, self._text = tab, crumb, text

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        yield Title(self._tab, self._crumb)
        yield Banner()
        with VerticalScroll():
            yield Static(self._text, markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Whose service it is; the page keys scroll."""
        self.query_one(Title).hostname = self.app.link.hostname  # type: ignore[attr-defined]
        self.query_one(VerticalScroll).focus()

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
