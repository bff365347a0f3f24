"""The audit log: who changed what, with before and after, and the proof that nothing was taken out."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType

from backend.errors import MailError
from backend.management.snapshots.audit import AuditPage, AuditProof, AuditRow
from screens import figures
from screens.colours import ink
from screens.filtering import Grammar
from screens.listing import Listing
from screens.page import Page
from screens.text import safe
from screens.widgets.table import Column

_ABOUT = (
    "address",
    "domain",
    "id",
    "ids",
    "name",
    "sender",
    "recipient",
    "peer",
)  # arguments that name what something was done to


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
        Binding("U", "app.deletions", "Deletions", tooltip="what was deleted, and can be put back"),
        Binding("v", "verify", "Verify", tooltip="prove that no row was changed, taken out or cut off"),
    ]
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("time", "time", 12, lambda row, now: Text(figures.moment(row.time, now), style=ink.muted)),
        Column("user", "who", 12, lambda row, now: row.user),
        Column("role", "role", 10, lambda row, now: Text(safe(row.role), style=ink.muted), narrow=False),
        Column("action", "what", 24, lambda row, now: _action(row)),
        Column("arguments", "to what", 0, lambda row, now: _subject(row.arguments)),
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
        self.app.push_screen(_page(row))

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
        wrong = ""
        if proof.broken is not None:
            wrong = f"Row {proof.broken:,} was changed, or one before it taken out, from outside."
        elif proof.missing:
            wrong = f"{proof.missing:,} of the newest rows were cut off, from outside."
        if wrong:
            self.notify(wrong, severity="error", timeout=30, markup=False)
        else:
            self.notify(f"All {proof.rows:,} rows are as they were written.", markup=False)


def _page(row: AuditRow) -> Page:
    """One row, with all that is known."""
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
    return Page("audit", str(row.id), Group(table, Text(""), _change(row.before, row.after)))


def words(value: Any) -> str:
    """Arguments in one line: `address=alice@example.org size=5000`."""
    if isinstance(value, list):
        return ",".join(words(part) for part in value)
    if isinstance(value, dict):
        return " ".join(f"{key}={words(part)}" for key, part in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _subject(arguments: dict[str, Any]) -> str:
    """The same for a cell: what a row is about needs no name there."""
    about = [words(value) for name, value in arguments.items() if name in _ABOUT]
    rest = {name: value for name, value in arguments.items() if name not in _ABOUT}
    return " ".join(filter(None, (*about, words(rest))))


def _action(row: AuditRow) -> Text:
    good = row.outcome == "done"
    return Text(safe(row.action) if good else f"✗ {safe(row.action)}", style=ink.text if good else ink.bad)


def _change(before: Any, after: Any) -> Table:
    """What is different, side by side; what is the same stays muted."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="none")
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
