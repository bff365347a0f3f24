"""The line at the top: where we are, whose service it is, and the time of what is shown."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from screens.colours import ink
from screens.text import safe

_GAPS = 5  # columns: one at either end, and what keeps both sides and the words of the right one apart
_NAME = 16  # columns from which on, when all else has its place, our own name has one
_ALL = 147  # columns from which on every tab has its name; below, only the one that is open


class Title(Widget):
    """The screens as tabs to the left, what lies deeper behind them, the service to the right."""

    DEFAULT_CSS = """
    Title { height: 1; background: $panel; link-style: none; link-color: $foreground; link-style-hover: bold; }
    """
    hostname: reactive[str] = reactive("")
    time: reactive[str] = reactive("")
    paused: reactive[bool] = reactive(False)

    def __init__(self, tab: str, deeper: str = "") -> None:
        super().__init__()
        self._tab = tab
        self._deeper = deeper

    def render(self) -> Text:
        """The line. The names of other tabs and of the host go first when there is little room."""
        left = Text(no_wrap=True)
        for tab in self.app.tabs:  # type: ignore[attr-defined]
            here = tab.name == self._tab
            words = f" {tab.key} {tab.title} " if here or self.size.width >= _ALL else f" {tab.key} "
            refused = bool(self.app.link.refusal(tab.action))  # type: ignore[attr-defined]
            colour = ink.text if here else ink.faint if refused else ink.muted
            style = Style.parse(f"{colour} on {ink.ground}" if here else colour)
            left.append(words, style + Style.from_meta({"@click": f"app.tab('{tab.name}')"}))
        if self._deeper:
            left.append(f" › {safe(self._deeper)}", style=ink.text)
        right = Text(style=ink.muted)
        if self.paused:
            right.append("paused  ", style=f"bold {ink.accent}")
        room = self.size.width - left.cell_len - right.cell_len - len("00:00:00 UTC") - _GAPS
        name = len(self.hostname) if len(self.hostname) <= room else 0
        if name:
            right.append(f"{safe(self.hostname)}  ")
        left = Text(" Mailconsole " if room - name >= _NAME else " ", style=ink.heading, no_wrap=True).append_text(left)
        right.append(f"{self.time} UTC " if self.time else "")
        left.truncate(self.size.width - right.cell_len - 1, overflow="ellipsis")
        left.pad_right(max(1, self.size.width - left.cell_len - right.cell_len))
        return left + right
