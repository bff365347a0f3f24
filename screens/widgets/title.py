"""The line at the top: where we are, whose service it is, and whether what is shown is true."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from screens.text import safe


class Title(Widget):
    """Breadcrumbs to the left, the service to the right."""

    DEFAULT_CSS = """
    Title { height: 1; background: $panel; color: $text; padding: 0 1; }
    Title.-stale { background: $error 60%; }
    """
    place: reactive[str] = reactive("")
    service: reactive[str] = reactive("")
    stale: reactive[str] = reactive("")
    paused: reactive[bool] = reactive(False)

    def __init__(self, place: str) -> None:
        super().__init__()
        self.set_reactive(Title.place, place)

    def watch_stale(self, stale: str) -> None:
        """Red when stale."""
        self.set_class(bool(stale), "-stale")

    def render(self) -> Table:
        """The line."""
        line = Table.grid(expand=True)
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        line.add_column(justify="right", no_wrap=True)
        left = Text("Mailconsole", style="bold")
        left.append(" › ", style="dim")
        left.append(safe(self.place))
        right = Text(safe(self.service))
        if self.stale:
            right = Text(f"{self.stale}: the service does not answer", style="bold")
        elif self.paused:
            right = Text.assemble(("paused  ", "bold yellow"), right)
        line.add_row(left, right)
        return line
