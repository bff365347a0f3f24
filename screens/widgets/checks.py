"""What checks of senders found over time: for each a line of what passed and one of what failed, with the sums."""

from __future__ import annotations

from typing import ClassVar

from backend.management.snapshots.authentication import CheckSeries
from screens.widgets.plot import Shares

CHECKS = {"reverse dns": "reverse DNS", "spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC", "arc": "ARC"}
_OUTCOMES = {"pass": ("pass",), "fail": ("fail", "softfail", "permerror", "policy")}
_COLOURS = {"pass": "success", "fail": "error"}


class Checks(Shares):
    """A heading and two lines a check."""

    DEFAULT_CSS = """
    Checks { height: 11; }
    Checks .name { width: 18; }
    Checks .figures { width: 24; }
    """
    lines: ClassVar = {
        f"{words} {outcome}": colour for words in CHECKS.values() for outcome, colour in _COLOURS.items()
    }
    title = "Mail of strangers"

    def show(self, series: tuple[CheckSeries, ...], span: str) -> None:
        """Draw other figures; `span` is the time they are of."""
        self.head(f"{self.title}, {span}")
        for check, words in CHECKS.items():
            some = [one for one in series if one.check == check]
            everything = sum(sum(one.numbers) for one in some)
            for outcome, values in _OUTCOMES.items():
                counted = [one.numbers for one in some if one.value in values]
                self.share(f"{words} {outcome}", [sum(part) for part in zip(*counted, strict=False)], everything)
