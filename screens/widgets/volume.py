"""Scored mail over time: how much was marked, how much was not, and the share of what was marked."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline, Static

from backend.management.snapshots.spam import SpamFigures
from screens.colours import ink
from screens.figures import count
from screens.widgets.words import Words

_LINES = {"marked": "warning", "not marked": "success", "share": "primary"}
_INK = {"warning": "warn", "success": "good", "primary": "primary"}


def _id(name: str) -> str:
    return name.replace(" ", "-")


class Volume(Vertical):
    """A heading and three lines; they grow with the room there is."""

    DEFAULT_CSS = """
    Volume { background: $surface; padding: 0 1; height: 4; }
    Volume Horizontal { height: 1fr; }
    Volume Horizontal.heading { height: 1; }
    Volume .name { width: 12; color: $text-muted; }
    Volume Sparkline { width: 1fr; height: 100%; }
    Volume .figures { width: 24; text-align: right; }
    Volume .heading .name { width: 1fr; color: $primary; text-style: bold; }
    Volume .heading .figures { color: $text-muted; }
    """ + "".join(
        f"""
        Volume .-{colour} > .sparkline--max-color {{ color: ${colour}; }}
        Volume .-{colour} > .sparkline--min-color {{ color: ${colour} 40%; }}
        """
        for colour in _LINES.values()
    )

    def compose(self) -> ComposeResult:
        """A line for each figure."""
        with Horizontal(classes="heading"):
            yield Words(classes="name", id="span")
            yield Static(f"{'peak':>7} {'in all':>8} {'share':>6}", classes="figures")
        for name, colour in _LINES.items():
            with Horizontal():
                yield Static(name, classes="name", markup=False)
                yield Sparkline([], summary_function=max, classes=f"-{colour}", id=f"spark-{_id(name)}")
                yield Words(classes="figures", id=f"sum-{_id(name)}")

    def show(self, figures: SpamFigures, span: str) -> None:
        """Draw other figures; `span` is the time they are of."""
        self.query_one("#span", Words).show(Text(f"Mail that was scored, {span}", style=ink.heading))
        total = sum(figures.marked) + sum(figures.clean)
        self._draw("marked", figures.marked, total)
        self._draw("not marked", figures.clean, total)
        both = zip(figures.marked, figures.clean, strict=True)
        shares = [100 * marked / (marked + clean) if marked + clean else 0.0 for marked, clean in both]
        self._line("share", shares)
        whole = f"{100 * sum(figures.marked) / total:.0f} %" if total else ""
        line = Text(f"{max(shares, default=0):>5.0f} % " if total else "", style=ink.muted)
        self.query_one("#sum-share", Words).show(line.append(f"{'':>8} {whole:>6}", style=f"bold {ink.primary}"))

    def _draw(self, name: str, numbers: tuple[int, ...], everything: int) -> None:
        self._line(name, [float(number) for number in numbers])
        total = sum(numbers)
        share = f"{100 * total / everything:.0f} %" if everything else ""
        line = Text(f"{count(max(numbers, default=0)):>7} ", style=ink.muted if total else ink.faint)
        line.append(f"{count(total):>8}", style=f"bold {getattr(ink, _INK[_LINES[name]])}" if total else ink.faint)
        self.query_one(f"#sum-{_id(name)}", Words).show(line.append(f" {share:>6}", style=f"not bold {ink.muted}"))

    def _line(self, name: str, numbers: list[float]) -> None:
        # The scale of a line begins at its smallest number, so that one is put in that is nothing.
        self.query_one(f"#spark-{_id(name)}", Sparkline).data = [0.0, *numbers] if any(numbers) else []
