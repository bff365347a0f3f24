"""A line that is there only when something is wrong with all that is below it."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from screens.text import safe


class Banner(Widget):
    """Shows `words`; without any it takes no room."""

    DEFAULT_CSS = """
    Banner { height: 1; padding: 0 1; display: none; background: $error 40%; color: $text; text-style: bold; }
    Banner.-open { display: block; }
    """
    words: reactive[str] = reactive("")

    def watch_words(self, words: str) -> None:
        """Come and go."""
        self.set_class(bool(words), "-open")

    def render(self) -> Text:
        """The line."""
        return Text(f"▲ {safe(self.words)}", no_wrap=True, overflow="ellipsis")
