"""Figures over time: a heading, and a line a figure with its name, its curve and its sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline, Static

from screens.colours import ink
from screens.figures import count
from screens.widgets.words import Words

_INK = {"primary": "primary", "success": "good", "warning": "warn", "error": "bad"}  # by the theme's name of a colour


class Plot(Vertical):
    """What draws figures says which: `lines`, by name, the colour of the theme; `heads` over the sums. The lines grow
    with the room there is.
    """

    DEFAULT_CSS = """
    Plot { background: $surface; padding: 0 1; }
    Plot Horizontal { height: 1fr; }
    Plot Horizontal.heading { height: 1; }
    Plot .name { color: $text-muted; }
    Plot Sparkline { width: 1fr; height: 100%; }
    Plot .figures { text-align: right; }
    Plot .heading .name { width: 1fr; color: $primary; text-style: bold; }
    Plot .heading .figures { color: $text-muted; }
    """ + "".join(
        f"""
        Plot .-{colour} > .sparkline--max-color {{ color: ${colour}; }}
        Plot .-{colour} > .sparkline--min-color {{ color: ${colour} 40%; }}
        """
        for colour in _INK
    )
    lines: ClassVar[dict[str, str]]
    heads: ClassVar[str]
    title = ""  # as long as nothing has been shown

    def compose(self) -> ComposeResult:
        """A line for each figure."""
        with Horizontal(classes="heading"):
            yield Words(classes="name", id="heading")
            yield Static(self.heads, classes="figures", markup=False)
        for name, colour in self.lines.items():
            with Horizontal():
                yield Static(name, classes="name", markup=False)
                yield Sparkline([], summary_function=max, classes=f"-{colour}", id=f"curve-{_id(name)}")
                yield Words(classes="figures", id=f"sums-{_id(name)}")

    def on_mount(self) -> None:
        """Say what will be drawn."""
        self.head(self.title)

    def head(self, words: str) -> None:
        """Say what is drawn."""
        self.query_one("#heading", Words).show(Text(words, no_wrap=True))

    def curve(self, name: str, numbers: Sequence[float]) -> None:
        """Draw a figure. The scale of a curve begins at its smallest number, so that one is put in that is nothing."""
        self.exactly(name, [0.0, *numbers] if any(numbers) else [])

    def exactly(self, name: str, numbers: Sequence[float]) -> None:
        """Draw a figure on the scale of its own numbers."""
        self.query_one(f"#curve-{_id(name)}", Sparkline).data = numbers

    def sums(self, name: str, words: Text) -> None:
        """Show what a figure comes to."""
        self.query_one(f"#sums-{_id(name)}", Words).show(words)

    def colour(self, name: str) -> str:
        """That of a figure, for words."""
        found: str = getattr(ink, _INK[self.lines[name]])
        return found

    def peak_and_sum(self, name: str, numbers: Sequence[int]) -> Text:
        """Its highest number and all together, under `heads` that begin with both."""
        total = sum(numbers)
        words = Text(f"{count(max(numbers, default=0)):>7} ", style=ink.muted if total else ink.faint)
        return words.append(f"{count(total):>8}", style=f"bold {self.colour(name) if total else ink.faint}")


class Shares(Plot):
    """A plot that says for each figure what part of all it is."""

    heads = f"{'peak':>7} {'in all':>8} {'share':>6}"

    def share(self, name: str, numbers: Sequence[int], everything: int) -> None:
        """Draw a figure that is a part of everything."""
        self.curve(name, numbers)
        words = f"{100 * sum(numbers) / everything:.0f} %" if everything else ""
        self.sums(name, self.peak_and_sum(name, numbers).append(f" {words:>6}", style=f"not bold {ink.muted}"))


def _id(name: str) -> str:
    return name.replace(" ", "-")
