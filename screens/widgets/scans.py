"""Messages that engines against viruses looked at over time, in one direction: a line a figure, with peak and sum."""

from __future__ import annotations

from typing import ClassVar

from backend.management.snapshots.viruses import VirusSeries
from screens.widgets.plot import Plot

_DIRECTIONS = {"in": "Mail from outside", "out": "Mail from inside"}


class Scans(Plot):
    """A heading and five lines. `direction`: in or out."""

    DEFAULT_CSS = """
    Scans { height: 6; }
    Scans .name { width: 13; }
    Scans .figures { width: 17; }
    """
    lines: ClassVar = {
        "looked at": "primary",
        "infected": "error",
        "refused": "error",
        "quarantined": "warning",
        "deferred": "warning",
    }
    heads = f"{'peak':>7} {'in all':>8}"

    def __init__(self, direction: str) -> None:
        super().__init__(id=f"scans-{direction}")
        self._direction = direction

    def show(self, series: tuple[VirusSeries, ...], span: str) -> None:
        """Draw other figures; `span` is the time they are of."""
        self.head(f"{_DIRECTIONS[self._direction]}, {span}")
        known = {one.what: one.numbers for one in series if one.direction == self._direction}
        for name in self.lines:
            numbers = known.get(name, ())
            self.curve(name, numbers)
            self.sums(name, self.peak_and_sum(name, numbers))
