"""What checks of senders found over time: for each a line of what passed and one of what failed, with the sums."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline, Static

from backend.management.snapshots.authentication import CheckSeries
from screens.colours import ink
from screens.figures import count

CHECKS = {"reverse dns": "reverse DNS", "spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC", "arc": "ARC"}
_FAILED = ("fail", "softfail", "permerror", "policy")
_COLOURS = {"pass": "success", "fail": "error"}


def _id(check: str) -> str:
    return check.replace(" ", "-")


class Checks(Vertical):
    """A heading and two lines a check; they grow with the room there is."""

    DEFAULT_CSS = """
    Checks { background: $surface; padding: 0 1; height: 11; }
    Checks Horizontal { height: 1fr; }
    Checks Horizontal.heading { height: 1; }
    Checks .name { width: 18; color: $text-muted; }
    Checks Sparkline { width: 1fr; height: 100%; }
    Checks .figures { width: 24; text-align: right; }
    Checks .heading .name { width: 1fr; color: $primary; text-style: bold; }
    Checks .heading .figures { color: $text-muted; }
    Checks .-pass > .sparkline--max-color { color: $success; }
    Checks .-pass > .sparkline--min-color { color: $success 40%; }
    Checks .-fail > .sparkline--max-color { color: $error; }
    Checks .-fail > .sparkline--min-color { color: $error 40%; }
    """

    def compose(self) -> ComposeResult:
        """A line for what passed and one for what failed, of each check."""
        with Horizontal(classes="heading"):
            yield Static("Mail of strangers", classes="name", id="span")
            yield Static(f"{'peak':>7} {'in all':>8} {'share':>6}", classes="figures")
        for check, words in CHECKS.items():
            for outcome in _COLOURS:
                with Horizontal():
                    yield Static(f"{words} {outcome}", classes="name", markup=False)
                    yield Sparkline([], summary_function=max, classes=f"-{outcome}", id=f"spark-{_id(check)}-{outcome}")
                    yield Static("", classes="figures", id=f"sum-{_id(check)}-{outcome}", markup=False)

    def show(self, series: tuple[CheckSeries, ...], span: str) -> None:
        """Draw other figures; `span` is the time they are of."""
        self.query_one("#span", Static).update(f"Mail of strangers, {span}")
        for check in CHECKS:
            some = [one for one in series if one.check == check]
            everything = sum(sum(one.numbers) for one in some)
            for outcome in _COLOURS:
                values = ("pass",) if outcome == "pass" else _FAILED
                numbers = [
                    sum(part) for part in zip(*(one.numbers for one in some if one.value in values), strict=False)
                ]
                self._draw(check, outcome, numbers or [0], everything)

    def _draw(self, check: str, outcome: str, numbers: list[int], everything: int) -> None:
        total = sum(numbers)
        # The scale of a line begins at its smallest number, so that one is put in that is nothing.
        self.query_one(f"#spark-{_id(check)}-{outcome}", Sparkline).data = [0, *numbers] if total else []
        share = f"{100 * total / everything:.0f} %" if everything else ""
        colour = ink.faint if not total else ink.good if outcome == "pass" else ink.bad
        line = Text(f"{count(max(numbers)):>7} ", style=ink.muted if total else ink.faint)
        line.append(f"{count(total):>8}", style=f"bold {colour}").append(f" {share:>6}", style=f"not bold {ink.muted}")
        self.query_one(f"#sum-{_id(check)}-{outcome}", Static).update(line, layout=False)
