"""A card with text that is drawn anew for the room it has."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType
from rich.text import Text
from textual.widget import Widget


class Panel(Widget):
    """`draw(width, height)` gives what is inside; `show` changes it."""

    DEFAULT_CSS = """
    Panel { background: $surface; padding: 0 1; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._draw: Callable[[int, int], RenderableType] = lambda width, height: Text("")

    def show(self, draw: Callable[[int, int], RenderableType]) -> None:
        """Draw something else from now on."""
        self._draw = draw
        self.refresh()

    def render(self) -> RenderableType:
        """The inside."""
        return self._draw(self.content_size.width, self.content_size.height)
