"""Messages that engines against viruses looked at over time, in one direction: a line a figure, with peak and sum."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline

from backend.management.snapshots.viruses import VirusSeries
from screens.colours import ink
from screens.figures import count
from screens.widgets.words import Words

_FIGURES = {  # and the colour of the theme that each is drawn in
    "looked at": "primary",
    "infected": "error",
    "refused": "error",
    "quarantined": "warning",
    "deferred": "warning",
}
_INK = {"primary": "primary", "warning": "warn", "error": "bad"}
_DIRECTIONS = {"in": "Mail from outside", "out": "Mail from inside"}


class Scans(Vertical):
    """A heading and five lines; they grow with the room there is. `direction`: in or out."""

    DEFAULT_CSS = """
    Scans { background: $surface; padding: 0 1; height: 6; }
    Scans Horizontal { height: 1fr; }
    Scans Horizontal.heading { height: 1; }
    Scans .name { width: 13; }
    Scans Sparkline { width: 1fr; height: 100%; }
    Scans .figures { width: 17; text-align: right; }
    Scans .heading .name { width: 1fr; }
    """ + "".join(
        f"""
        Scans .-{colour} > .sparkline--max-color {{ color: ${colour}; }}
        Scans .-{colour} > .sparkline--min-color {{ color: ${colour} 40%; }}
        """
        for colour in _INK
    )

    def __init__(self, direction: str) -> None:
        super().__init__(id=f"scans-{direction}")
        self._direction = direction

    def compose(self) -> ComposeResult:
        """A line for each figure."""
        with Horizontal(classes="heading"):
            yield Words(classes="name", id="span")
            yield Words(classes="figures", id="heads")
        for name, colour in _FIGURES.items():
            with Horizontal():
                yield Words(classes="name", id=f"name-{_id(name)}")
                yield Sparkline([], summary_function=max, classes=f"-{colour}", id=f"spark-{_id(name)}")
                yield Words(classes="figures", id=f"sum-{_id(name)}")

    def show(self, series: tuple[VirusSeries, ...], span: str) -> None:
        """Draw other figures; `span` is the time they are of."""
        heading = Text(f"{_DIRECTIONS[self._direction]}, {span}", style=ink.heading, no_wrap=True)
        self.query_one("#span", Words).show(heading)
        self.query_one("#heads", Words).show(Text(f"{'peak':>7} {'in all':>8}", style=ink.muted))
        known = {one.what: one.numbers for one in series if one.direction == self._direction}
        for name, colour in _FIGURES.items():
            numbers = known.get(name, ())
            total, peak = sum(numbers), max(numbers, default=0)
            # The scale of a line begins at its smallest number, so that one is put in that is nothing.
            self.query_one(f"#spark-{_id(name)}", Sparkline).data = [0, *numbers] if total else []
            self.query_one(f"#name-{_id(name)}", Words).show(Text(name, style=ink.muted))
            line = Text(f"{count(peak):>7} ", style=ink.muted if peak else ink.faint)
            line.append(f"{count(total):>8}", style=f"bold {getattr(ink, _INK[colour])}" if total else ink.faint)
            self.query_one(f"#sum-{_id(name)}", Words).show(line)


def _id(name: str) -> str:
    return name.replace(" ", "-")
