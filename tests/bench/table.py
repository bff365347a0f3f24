"""What a benchmark answers, and how it looks: work, ours, peer, ratio, goal, met or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of work, measured several times on both sides.

    A rate (`times` is set) shall be that many times the peer's. An amount (`under` is set) shall be below it.
    """

    work: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float] = ()
    times: float = 0.0
    under: float = 0.0

    @property
    def ratio(self) -> float | None:
        """How many times better we are, by the medians; None without a peer, or beside nothing."""
        if not self.peer:
            return None
        ours, peer = median(self.ours), median(self.peer)
        above, below = (ours, peer) if self.times else (peer, ours)
        return above / below if below else None

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        if self.under:
            return median(self.ours) < self.under
        return self.ratio is not None and self.ratio >= self.times

    def to_json(self) -> dict[str, Any]:
        """All that was measured."""
        return {
            "work": self.work,
            "unit": self.unit,
            "ours": median(self.ours),
            "peer": median(self.peer) if self.peer else None,
            "ratio": self.ratio,
            "goal": self._goal(),
            "met": self.met,
            "runs": {"ours": list(self.ours), "peer": list(self.peer)},
        }

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (
            self.work,
            _amount(median(self.ours), self.unit),
            _amount(median(self.peer), self.unit) if self.peer else "-",
            "-" if self.ratio is None else f"{self.ratio:.1f}",
            self._goal(),
            "yes" if self.met else "NO",
        )

    def _goal(self) -> str:
        return f"{self.times:g} times" if self.times else f"under {_amount(self.under, self.unit)}"


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, their columns aligned."""
    cells = [("work", "ours", "peer", "ratio", "goal", "met"), *(row.cells() for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines)


def _amount(number: float, unit: str) -> str:
    return f"{number:.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}"
