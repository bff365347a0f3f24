"""Scored mail over time: how much was marked, how much was not, and the share of what was marked."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text

from backend.management.snapshots.spam import SpamFigures
from screens.colours import ink
from screens.widgets.plot import Shares


class Volume(Shares):
    """A heading and three lines."""

    DEFAULT_CSS = """
    Volume { height: 4; }
    Volume .name { width: 12; }
    Volume .figures { width: 24; }
    """
    lines: ClassVar = {"marked": "warning", "not marked": "success", "share": "primary"}

    def show(self, figures: SpamFigures, span: str) -> None:
        """Draw other figures; `span` is the time they are of."""
        self.head(f"Mail that was scored, {span}")
        total = sum(figures.marked) + sum(figures.clean)
        self.share("marked", figures.marked, total)
        self.share("not marked", figures.clean, total)
        both = zip(figures.marked, figures.clean, strict=True)
        shares = [100 * marked / (marked + clean) if marked + clean else 0.0 for marked, clean in both]
        self.curve("share", shares)
        whole = f"{100 * sum(figures.marked) / total:.0f} %" if total else ""
        line = Text(f"{max(shares, default=0):>5.0f} % " if total else "", style=ink.muted)
        self.sums("share", line.append(f"{'':>8} {whole:>6}", style=f"bold {self.colour('share')}"))
