"""The line at the bottom: the keys that work here, each with a word. A click on one presses it.

The toolkit's own footer makes a widget for each key, and all of them anew when another widget or screen comes to the
front. That was most of what a new screen cost.
"""

from __future__ import annotations

from typing import Any

from rich.style import Style
from rich.text import Text
from textual import events
from textual.screen import Screen
from textual.widget import Widget

from screens.colours import ink
from screens.widgets.likeness import likeness


class Keys(Widget):
    """Always one line: what there is no room for is in the key sheet."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Keys { dock: bottom; height: 1; background: $surface; link-style: none; link-style-hover: bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._line: Text | None = None

    def on_mount(self) -> None:
        """Other keys when something else has the focus, or may be done."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[Any]) -> None:
        before, self._line = self._line, _line(screen)
        if before is None or likeness(before) != likeness(self._line):
            self.refresh()

    def repaint(self) -> None:
        """The same in other colours."""
        self._changed(self.screen)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """What the key under the pointer does."""
        self.tooltip = event.style.meta.get("words")

    def render(self) -> Text:
        """The line."""
        if self._line is None:
            self._line = _line(self.screen)
        return self._line


def _line(screen: Screen[Any]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    there: set[str] = set()
    for _, binding, enabled, tooltip in screen.active_bindings.values():
        if not binding.show or binding.action in there:
            continue
        there.add(binding.action)
        click = {"@click": f"app.simulate_key('{binding.key}')"} if enabled else {}
        meta = Style.from_meta({**click, "words": tooltip or binding.description})
        key, word = Style.parse(f"bold {ink.accent}"), Style.parse(ink.muted)
        if not enabled:
            key, word = Style.parse(ink.faint), Style.parse(ink.faint)
        line.append(screen.app.get_key_display(binding), key + meta)
        line.append(f" {binding.description}", word + meta).append(" ")
    return line
