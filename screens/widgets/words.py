"""A few lines in a place of a fixed size: they are drawn anew only when they have changed."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from screens.widgets.likeness import likeness


class Words(Static):
    """Without markup; what is said anew at each tick mostly is what stands there."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  Textual's name
        super().__init__("", id=id, classes=classes, markup=False)
        self._likeness: object = None

    def show(self, words: Text) -> None:
        """Show other words. The place keeps its size, so nothing else moves."""
        if (like := likeness(words)) != self._likeness:
            self._likeness = like
            self.update(words, layout=False)
