"""A line that is there while long work is done: how far it is, and that Escape stops it."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from screens.colours import ink

_BAR = 20  # characters


class Progress(Widget):
    """Takes no room without work."""

    DEFAULT_CSS = """
    Progress { height: 1; padding: 0 1; display: none; background: $panel; }
    Progress.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._words, self._done, self._total = "", 0, 1

    def show(self, words: str, done: int, total: int) -> None:
        """So much is done."""
        self._words, self._done, self._total = words, done, max(1, total)
        self.add_class("-open")
        self.refresh()

    def end(self) -> None:
        """All is done."""
        self.remove_class("-open")

    def render(self) -> Text:
        """The line."""
        full = round(_BAR * self._done / self._total)
        bar = Text("━" * full, style=ink.primary).append("─" * (_BAR - full), style=ink.faint)
        words = Text.assemble((f"{self._words}  ", f"bold {ink.text}"), bar, no_wrap=True, overflow="ellipsis")
        return words.append(f"  {self._done:,} of {self._total:,}   Esc stops it here", style=ink.muted)
