"""A card with text that is drawn anew for the room it has."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType
from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from screens.widgets.likeness import likeness


class Panel(Widget):
    """`draw(width, height)` gives what is inside; `show` changes it. What looks as before is not drawn again."""

    DEFAULT_CSS = """
    Panel { background: $surface; padding: 0 1; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._draw: Callable[[int, int], RenderableType] = lambda width, height: Text("")
        self._inside: RenderableType = Text("")
        self._room: Size | None = None  # what `_inside` was made for
        self._likeness: object = None

    def show(self, draw: Callable[[int, int], RenderableType]) -> None:
        """Draw something else from now on."""
        self._draw = draw
        before = self._likeness
        self._make()
        if self._likeness != before:
            self.refresh()

    def _make(self) -> None:
        self._room = self.content_size
        self._inside = self._draw(self._room.width, self._room.height) if self._room else Text("")
        self._likeness = likeness(self._inside)

    def render(self) -> RenderableType:
        """The inside."""
        if self._room != self.content_size:
            self._make()
        return self._inside
