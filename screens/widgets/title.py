"""The line at the top: where we are, whose service it is, and the time of what is shown."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from screens.colours import ACCENT, GROUND, MUTED, PRIMARY, TEXT
from screens.text import safe

_TABS = (("1", "dashboard"), ("2", "queue"))


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
        """The line. The name of the host goes first when there is little room."""
        left = Text.assemble((" Mailconsole ", f"bold {PRIMARY}"), no_wrap=True)
        for key, name in _TABS:
            here = name == self._tab
            style = Style.parse(f"{TEXT} on {GROUND}" if here else MUTED)
            left.append(f" {key} {name.title()} ", style + Style.from_meta({"@click": f"app.switch_mode('{name}')"}))
        if self._deeper:
            left.append(f" › {safe(self._deeper)}", style=TEXT)
        right = Text(style=MUTED)
        if self.paused:
            right.append("paused  ", style=f"bold {ACCENT}")
        room = self.size.width - left.cell_len - right.cell_len - len("00:00:00 UTC") - 4
        if len(self.hostname) <= room:
            right.append(f"{safe(self.hostname)}  ")
        right.append(f"{self.time} UTC " if self.time else "")
        left.pad_right(max(1, self.size.width - left.cell_len - right.cell_len))
        return left + right
