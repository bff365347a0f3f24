"""The entry under the cursor in full: what a table of 80 columns has no room for."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from backend.management.snapshots.queue import QueueRow
from screens import figures
from screens.colours import FAINT, MUTED, STATES, TEXT
from screens.text import safe


class Detail(Static):
    """Two lines: who to whom, and why it is still here."""

    DEFAULT_CSS = """
    Detail { height: 2; padding: 0 1; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def show(self, row: QueueRow | None) -> None:
        """Show another entry, or none."""
        words = Text(no_wrap=True, overflow="ellipsis")
        if row is not None:
            tries = f"{row.attempts} {'try' if row.attempts == 1 else 'tries'}"
            words.append(row.id, style=STATES.get(row.state, TEXT))
            words.append(f"  {figures.size(row.size)}, {tries}  ", style=MUTED)
            words.append(f"{safe(row.sender or '<>')} → {safe(row.recipient)}\n", style=TEXT)
            words.append(safe(row.error) if row.error else "no error so far", style=MUTED if row.error else FAINT)
        self.update(words)
