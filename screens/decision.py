"""Who decides for a sender: the chain in words, step by step, and the rules that fit."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from backend.management.snapshots.access import AccessDecision, AccessRow
from screens.colours import ink
from screens.text import safe

_LONGEST = 400  # characters of a sentence
_RULES = 20  # shown; the command line shows all
_SIGNS = {"decides": "▶", "fits": "●", "nothing": "·", "later": "?"}


class Decision(ModalScreen[None]):
    """`whom`: who was asked about."""

    CSS = """
    Decision { align: center middle; }
    Decision > VerticalScroll {
        width: 100; max-width: 100%; height: auto; max-height: 94%; padding: 1 2;
        background: $surface; border-left: outer $primary;
    }
    Decision Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "Close"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, decision: AccessDecision, whom: str) -> None:
        super().__init__()
        self._decision, self._whom = decision, whom

    def compose(self) -> ComposeResult:
        """The sentence, the steps, the rules."""
        found = self._decision
        colour = {"allow": ink.good, "deny": ink.bad}.get(found.verdict, ink.text)
        words = Text(f"{safe(self._whom, _LONGEST)}\n", style=ink.muted)
        words.append(f"{safe(found.sentence, _LONGEST)}\n\n", style=f"bold {colour}")
        for step in found.steps:
            style = {"decides": f"bold {colour}", "fits": ink.warn, "later": ink.text}.get(step.state, ink.faint)
            words.append(f"{_SIGNS.get(step.state, '·')} {safe(step.name)}", style=style)
            words.append(f"  {safe(step.words, _LONGEST)}\n", style=ink.muted)
        if found.rules:
            words.append("\nAll rules that fit, as they are asked\n", style=ink.heading)
        for row in found.rules[:_RULES]:
            words.append_text(_rule(row))
        if len(found.rules) > _RULES:
            words.append(
                f"and {len(found.rules) - _RULES} more; `mailconsole access check` has them\n", style=ink.muted
            )
        words.append("\ny copies the sentence   Esc closes this", style=ink.muted)
        with VerticalScroll():
            yield Static(words, markup=False)

    def action_close(self) -> None:
        """Back to where it was asked."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """To the clipboard of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(safe(self._decision.sentence))
        self.notify("copied", markup=False)


def _rule(row: AccessRow) -> Text:
    colour = ink.faint if row.over else ink.good if row.verdict == "allow" else ink.bad
    line = Text(f"{row.id:>6} {safe(row.verdict):5} ", style=colour)
    line.append(f"{safe(row.kind)} {safe(row.what, 120)}", style=ink.faint if row.over else ink.text)
    over = " (over)" if row.over else ""
    return line.append(f"{over}  {safe(row.owner, 30)}: {safe(row.reason, 120)}\n", style=ink.muted)
