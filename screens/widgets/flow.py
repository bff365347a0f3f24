"""What came and went each minute of the last hour: a sparkline a figure, with the last minute, the peak and the sum."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline, Static

from backend.management.snapshots.status import MinuteRow
from screens.colours import ink
from screens.figures import count
from screens.widgets.words import Words

_FIGURES = {  # and the colour of the theme that each is drawn in
    "accepted": "success",
    "delivered": "success",
    "relayed": "primary",
    "deferred": "warning",
    "rejected": "error",
    "bounced": "error",
}
_INK = {"success": "good", "primary": "primary", "warning": "warn", "error": "bad"}


class Flow(Vertical):
    """A heading and six lines; they grow with the room there is."""

    DEFAULT_CSS = """
    Flow { background: $surface; padding: 0 1; }
    Flow Horizontal { height: 1fr; }
    Flow Horizontal.heading { height: 1; }
    Flow .name { width: 11; color: $text-muted; }
    Flow .heading .name { width: 1fr; }
    Flow Sparkline { width: 1fr; height: 100%; }
    Flow .figures { width: 23; text-align: right; }
    Flow .heading .name { color: $primary; text-style: bold; }
    Flow .heading .figures { color: $text-muted; }
    """ + "".join(
        f"""
        Flow .-{name} > .sparkline--max-color {{ color: ${colour}; }}
        Flow .-{name} > .sparkline--min-color {{ color: ${colour} 40%; }}
        """
        for name, colour in _FIGURES.items()
    )

    def compose(self) -> ComposeResult:
        """A line for each figure."""
        with Horizontal(classes="heading"):
            yield Static("Mail a minute", classes="name")
            yield Static(f"{'now':>6} {'peak':>7} {'hour':>8}", classes="figures")
        for name in _FIGURES:
            with Horizontal():
                yield Static(name, classes="name", markup=False)
                yield Sparkline([], summary_function=max, classes=f"-{name}", id=f"spark-{name}")
                yield Words(classes="figures", id=f"figure-{name}")

    def show(self, minutes: tuple[MinuteRow, ...]) -> None:
        """Draw other figures."""
        for name, colour in _FIGURES.items():
            series = [int(getattr(minute, name)) for minute in minutes] or [0]
            self.query_one(f"#spark-{name}", Sparkline).data = series
            now, peak, hour = series[-1], max(series), sum(series)
            line = Text(f"{count(now):>6}", style=f"bold {getattr(ink, _INK[colour])}" if now else ink.faint)
            line.append(f" {count(peak):>7} ", style=f"not bold {ink.muted if peak else ink.faint}")
            line.append(f"{count(hour):>8}"[-8:], style=f"not bold {ink.text if hour else ink.faint}")
            self.query_one(f"#figure-{name}", Words).show(line)
