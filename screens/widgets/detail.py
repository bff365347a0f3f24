"""The row under the cursor in full: what a table of 80 columns has no room for."""

from __future__ import annotations

from rich.text import Text

from screens.widgets.words import Words


class Detail(Words):
    """Two lines."""

    DEFAULT_CSS = """
    Detail { height: 2; padding: 0 1; background: $surface; }
    """

    def show(self, words: Text) -> None:
        """Show other words; what is too long is cut."""
        words.no_wrap, words.overflow = True, "ellipsis"
        super().show(words)
