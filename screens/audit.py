"""The audit log: who changed what, with before and after, and the proof that nothing was taken out."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from backend.errors import MailError
from backend.management.snapshots.audit import AuditPage, AuditProof, AuditRow
from screens import figures
from screens.colours import ink
from screens.filtering import Grammar
from screens.listing import Listing
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.table import Column
from screens.widgets.title import Title


class Audit(Listing[AuditRow]):
    """Read from the newest on."""

    tab = "audit"
    lists = "audit-log.list"
    answer = AuditPage
    noun = ("row", "rows")
    empty = "Nothing has been changed yet."
    grammar = Grammar(
        keys={
            "user": "user",
            "what": "what",
            "action": "what",
            "part": "part",
            "older": "older_than",
            "newer": "newer_than",
            "failed": "failed",
        },
        example="user:olga what:queue newer:2d failed:yes, or any part of what was said",
        guess=lambda word: "part",
        values={"failed": lambda text: text.lower() in ("yes", "true", "1")},
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Verify", tooltip="prove that no row was changed or taken out"),
    ]
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("time", "time", 12, lambda row, now: Text(figures.moment(row.time, now), style=ink.muted)),
        Column("user", "who", 12, lambda row, now: row.user),
        Column("role", "role", 10, lambda row, now: Text(safe(row.role), style=ink.muted), narrow=False),
        Column("action", "what", 20, lambda row, now: _action(row)),
        Column("arguments", "to what", 0, lambda row, now: words(row.arguments)),
        Column("why", "why", 0, lambda row, now: Text(safe(row.why, 300), style=ink.muted), narrow=False),
    )

    def key_of(self, row: AuditRow) -> str:
        """Its number."""
        return str(row.id)

    def detail(self, row: AuditRow, now: str) -> Text:
        """From where, and what came of it."""
        text = Text(f"{safe(row.user)} ({safe(row.role or 'no role')}) from {safe(row.origin)}", style=ink.text)
        if row.outcome == "done":
            return text.append(f"\n{safe(row.why or 'no reason was given')}", style=ink.muted)
        return text.append(f"\n{safe(row.outcome)}", style=ink.bad)

    def open(self, row: AuditRow) -> None:
        """Before and after."""
        self.app.push_screen(AuditRowScreen(row))

    def copied(self, row: AuditRow) -> str:
        """All of it, for a report."""
        return f"{row.time} {row.user} {row.action} {words(row.arguments)} {row.why} {row.outcome}"

    def action_verify(self) -> None:
        """Walk the chain."""
        self.notify("Walking the chain ...", markup=False)
        self.run_worker(self._verify(), exclusive=True, group="verify")

    async def _verify(self) -> None:
        try:
            proof = await self.link.ask(AuditProof, "audit-log.verify", {})
        except MailError as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        if proof.broken is None:
            self.notify(f"All {proof.rows:,} rows are as they were written.", markup=False)
        else:
            broken = f"Row {proof.broken:,} was changed, or one before it taken out, from outside."
            self.notify(broken, severity="error", timeout=30, markup=False)


class AuditRowScreen(Screen[None]):
    """One row, with all that is known."""

    CSS = """
    AuditRowScreen VerticalScroll { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    AuditRowScreen Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back", key_display="Esc", tooltip="to the audit log"),
        Binding("j", "scroll(1)", "Down", show=False, tooltip="scroll"),
        Binding("k", "scroll(-1)", "Up", show=False, tooltip="scroll"),
    ]

    def __init__(self, row: AuditRow) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        row = self._row
        table = Table.grid(padding=(0, 2))
        table.add_column(style=ink.muted, no_wrap=True)
        table.add_column(overflow="fold")
        facts = [
            ("When", row.time.replace("T", " ")),
            ("Who", f"{row.user}, {row.role or 'no role'}"),
            ("From", row.origin),
            ("Key", row.key),
            ("What", row.action),
            ("To what", words(row.arguments)),
            ("Why", row.why or "no reason was given"),
            ("Outcome", row.outcome),
            ("Hash", row.hash),
        ]
        for name, value in facts:
            if value:
                table.add_row(name, Text(safe(value, 2_000), style=ink.text))
        yield Title("audit", str(row.id))
        yield Banner()
        with VerticalScroll():
            yield Static(Group(table, _change(row.before, row.after)), markup=False)
        yield Keys()

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def words(value: Any) -> str:
    """Arguments in one line: `address=alice@example.org size=5000`."""
    if isinstance(value, dict):
        return " ".join(f"{key}={words(part)}" for key, part in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _action(row: AuditRow) -> Text:
    good = row.outcome == "done"
    return Text(safe(row.action) if good else f"✗ {safe(row.action)}", style=ink.text if good else ink.bad)


def _change(before: Any, after: Any) -> Table:
    """What is different, side by side; what is the same stays muted."""
    table = Table(box=None, pad_edge=False, padding=(1, 2, 0, 0), header_style="none")
    for title in ("", "Before", "After"):
        table.add_column(Text(title, style=ink.heading), overflow="fold")
    old = before if isinstance(before, dict) else {"": before}
    new = after if isinstance(after, dict) else {"": after}
    for key in dict.fromkeys((*old, *new)):
        left, right = old.get(key), new.get(key)
        if left is None and right is None:
            continue
        style = ink.muted if left == right else ink.text
        cells = ["" if part is None else safe(words(part), 1_000) for part in (left, right)]
        table.add_row(Text(safe(key), style=ink.muted), Text(cells[0], style=style), Text(cells[1], style=style))
    return table
