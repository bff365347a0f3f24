"""The row under the cursor in full: what a table of 80 columns has no room for."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Detail(Static):
    """Two lines."""

    DEFAULT_CSS = """
    Detail { height: 2; padding: 0 1; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def show(self, words: Text) -> None:
        """Show other words."""
        words.no_wrap, words.overflow = True, "ellipsis"
        self.update(words, layout=False)
