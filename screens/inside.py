"""What is in a message of the queue, for who may look: header fields, the text of a held one, a list of its parts."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backend.errors import Permanent
from backend.management.codec import from_json
from backend.management.snapshots.reading import MessageHeaders, MessageText, PartRow
from screens import figures
from screens.colours import ink
from screens.deed import Deed
from screens.page import Page
from screens.text import safe

DEEDS = (
    Deed("queue.headers", "H", "Headers", "looked at; the audit log has it", argument="id", many=False),
    Deed("queue.read", "o", "Text", "read; the audit log has it, and why", argument="id", many=False),
)
_CUT = Text("There is more than is shown here.", style="italic")
_NAME = 320  # characters of a file's name


def page(deed: Deed, answer: dict[str, Any]) -> Page | None:
    """The page that shows the answer to one of DEEDS; None for another deed."""
    try:
        if deed.action == "queue.headers":
            fields = from_json(MessageHeaders, answer)
            return Page("queue", f"{fields.id} › headers", headers(fields))
        if deed.action == "queue.read":
            words = from_json(MessageText, answer)
            return Page("queue", f"{words.id} › text", text(words))
    except (KeyError, TypeError):
        raise Permanent("The service is of another version than this console; leave, and start it again.") from None
    return None


def headers(fields: MessageHeaders) -> RenderableType:
    """Name and value of each, in their order."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style=ink.muted, overflow="fold", max_width=28)
    table.add_column(overflow="fold")
    for row in fields.rows:
        table.add_row(Text(safe(row.name)), Text(safe(row.value), style=ink.text))
    if not fields.rows:
        table.add_row("", Text("The message has no header fields.", style=ink.muted))
    return Group(table, _CUT) if fields.cut else table


def text(words: MessageText) -> RenderableType:
    """The parts first: a file is nothing that anybody should have to look for. Then the words."""
    shown = Text(style=ink.text, overflow="fold")
    for line in words.text.split("\n"):
        shown.append(f"{safe(line.expandtabs())}\n")
    none = Text("It has no text.\n", style=ink.muted)
    source = Text(f"Text  {words.source}\n" if words.source else "Text\n", style=ink.muted)
    return Group(
        Text("Parts", style=ink.heading),
        _parts(words.parts),
        Text(""),
        source,
        shown if words.source else none,
        *([_CUT] if words.cut else []),
    )


def _parts(rows: tuple[PartRow, ...]) -> Table:
    """Type, size and the name that its sender gave it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold", style=ink.text)
    table.add_column(justify="right", no_wrap=True, style=ink.muted)
    table.add_column(overflow="fold", style=ink.accent)
    for row in rows:
        kind = f"{'  ' * min(row.depth, 8)}{safe(row.kind, 80)}"
        size = "" if row.kind.startswith("multipart/") else figures.size(row.size)
        table.add_row(Text(kind), Text(size), Text(safe(row.name, _NAME)))
    return table
