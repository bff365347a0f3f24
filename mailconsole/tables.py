"""Tables that fit the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from screens.text import safe

_SHORTEST = 6  # characters that a column keeps when the terminal is narrow


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns, the widest but the first cut when the terminal is too narrow; numbers stand to the right."""
    cells = [[safe("" if cell is None else cell) for cell in row] for row in rows]
    widths = [max(len(head[i]), *(len(row[i]) for row in cells)) if cells else len(head[i]) for i in range(len(head))]
    room = _columns() - 2 * (len(head) - 1)
    while sum(widths) > room and max(widths[1:], default=0) > _SHORTEST:
        widest = widths.index(max(widths[1:]), 1)
        widths[widest] -= 1
    right = [all(isinstance(row[i], int | float) for row in rows) and bool(rows) for i in range(len(head))]
    lines = []
    for row in [list(head), *cells]:
        parts = [
            safe(cell, width).rjust(width) if to_right else safe(cell, width).ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _columns() -> int:
    """Of the terminal; without end where a program reads along."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else sys.maxsize
