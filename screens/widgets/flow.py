"""What came and went each minute of the last hour: a sparkline a figure, with the last minute and the peak."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline, Static

from backend.management.snapshots import MinuteRow
from screens.figures import count

FIGURES = ("accepted", "delivered", "relayed", "deferred", "rejected", "bounced")


class Flow(Vertical):
    """Six lines; they grow with the room there is."""

    DEFAULT_CSS = """
    Flow { border: round $primary 40%; border-title-color: $primary; padding: 0 1; }
    Flow Horizontal { height: 1fr; }
    Flow .name { width: 11; color: $text-muted; }
    Flow Sparkline { width: 1fr; height: 100%; }
    Flow .figures { width: 20; text-align: right; }
    Flow .-accepted > .sparkline--max-color, Flow .-delivered > .sparkline--max-color { color: $success; }
    Flow .-accepted > .sparkline--min-color, Flow .-delivered > .sparkline--min-color { color: $success 50%; }
    Flow .-relayed > .sparkline--max-color { color: $primary; }
    Flow .-relayed > .sparkline--min-color { color: $primary 50%; }
    Flow .-deferred > .sparkline--max-color { color: $warning; }
    Flow .-deferred > .sparkline--min-color { color: $warning 50%; }
    Flow .-rejected > .sparkline--max-color, Flow .-bounced > .sparkline--max-color { color: $error; }
    Flow .-rejected > .sparkline--min-color, Flow .-bounced > .sparkline--min-color { color: $error 50%; }
    """

    def compose(self) -> ComposeResult:
        """A line for each figure."""
        self.border_title = "a minute, over the last hour"
        for name in FIGURES:
            with Horizontal():
                yield Static(name, classes="name", markup=False)
                yield Sparkline([], summary_function=max, classes=f"-{name}", id=f"spark-{name}")
                yield Static("", classes="figures", id=f"figure-{name}", markup=False)

    def show(self, minutes: tuple[MinuteRow, ...]) -> None:
        """Draw other figures."""
        for name in FIGURES:
            series = [int(getattr(minute, name)) for minute in minutes]
            self.query_one(f"#spark-{name}", Sparkline).data = series
            last, peak = (series[-1], max(series)) if series else (0, 0)
            self.query_one(f"#figure-{name}", Static).update(f"{count(last):>7} peak {count(peak):>6}")
