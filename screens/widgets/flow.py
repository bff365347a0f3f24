"""What came and went each minute of the last hour: a curve a figure, with the last minute, the peak and the sum."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text

from backend.management.snapshots.status import MinuteRow
from screens.colours import ink
from screens.figures import count
from screens.widgets.plot import Plot


class Flow(Plot):
    """A heading and six lines."""

    DEFAULT_CSS = """
    Flow .name { width: 11; }
    Flow .figures { width: 23; }
    """
    lines: ClassVar = {
        "accepted": "success",
        "delivered": "success",
        "relayed": "primary",
        "deferred": "warning",
        "rejected": "error",
        "bounced": "error",
    }
    heads = f"{'now':>6} {'peak':>7} {'hour':>8}"
    title = "Mail a minute"

    def show(self, minutes: tuple[MinuteRow, ...]) -> None:
        """Draw other figures."""
        for name in self.lines:
            series = [int(getattr(minute, name)) for minute in minutes] or [0]
            self.exactly(name, series)
            now, peak, hour = series[-1], max(series), sum(series)
            line = Text(f"{count(now):>6}", style=f"bold {self.colour(name)}" if now else ink.faint)
            line.append(f" {count(peak):>7} ", style=f"not bold {ink.muted if peak else ink.faint}")
            line.append(f"{count(hour):>8}"[-8:], style=f"not bold {ink.text if hour else ink.faint}")
            self.sums(name, line)
