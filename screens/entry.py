"""One message of the queue: its envelope, its recipients, its story."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Footer, Static

from backend.errors import BadInput
from backend.management.snapshots import EntryView, EventRow, QueueRow, from_json
from screens import figures
from screens.link import Link
from screens.live import Live
from screens.steering import Order, steer
from screens.text import safe
from screens.widgets.title import Title

_COLOURS = {
    "accepted": "green",
    "delivered": "green",
    "relayed": "green",
    "sent": "green",
    "deferred": "yellow",
    "rejected": "red",
    "failed": "red",
    "deleted": "red",
    "held": "magenta",
}
_STATES = {"new": "cyan", "active": "green", "deferred": "yellow", "held": "magenta"}


class EntryScreen(Live):
    """Opened from the queue; the same keys act on it."""

    every = 3.0
    CSS = """
    EntryScreen VerticalScroll { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back"),
        Binding("h", "steer('hold')", "Hold"),
        Binding("l", "steer('release')", "Release"),
        Binding("t", "steer('retry')", "Retry"),
        Binding("d", "steer('delete')", "Delete"),
        Binding("y", "copy", "Copy id", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, link: Link, row: QueueRow) -> None:
        super().__init__(link)
        self._row = row

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        yield Title(f"queue › {self._row.id}")
        with VerticalScroll():
            yield Static("", id="view", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    async def ask(self) -> Any:
        """The entry; when it has left the queue, what the trace knows of it."""
        try:
            return from_json(EntryView, await self.link.call("queue.show", {"id": self._row.id}))
        except BadInput:
            found = await self.link.call("trace", {"subject": self._row.message})
            return tuple(from_json(EventRow, event) for event in found["events"])

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        if isinstance(snapshot, EntryView):
            view: RenderableType = Group(envelope(snapshot), recipients(snapshot), story(snapshot.events))
        else:
            view = Group(Text("This entry has left the queue.\n", style="bold"), story(snapshot))
        self.query_one("#view", Static).update(view)

    def action_back(self) -> None:
        """To the queue."""
        self.app.pop_screen()

    def action_steer(self, verb: str) -> None:
        """Act on this entry."""
        steer(self, self.link, Order(verb, (self._row,)))

    def after_order(self, undo: Order | None) -> None:
        """Something was done."""
        self.action_refresh()

    def action_copy(self) -> None:
        """The id to the clipboard of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(self._row.id)
        self.notify(f"{self._row.id} copied", markup=False)

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def envelope(view: EntryView) -> Table:
    """What is known of the message."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows = [
        ("from", view.sender or "<>"),
        ("received", f"{view.received} from {view.peer or 'this host'}"),
        ("size", figures.size(view.size)),
        ("Message-ID", view.message_id or "none"),
        ("account", view.account or ""),
        ("envelope id", view.envid or ""),
    ]
    for name, value in rows:
        if value:
            table.add_row(name, Text(safe(value, 500)))
    table.add_row("", "")
    return table


def recipients(view: EntryView) -> Table:
    """Who still waits for it."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("recipient", ratio=2, overflow="fold")
    table.add_column("state")
    table.add_column("tries", justify="right")
    table.add_column("last error", ratio=3, overflow="fold")
    for row in view.recipients:
        table.add_row(
            Text(safe(row.recipient)),
            Text(row.state, style=_STATES.get(row.state, "")),
            str(row.attempts),
            Text(safe(row.error or ""), style="dim"),
        )
    table.add_row("", "", "", "")
    return table


def story(events: tuple[EventRow, ...]) -> Table:
    """The trace as a timeline."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("time", no_wrap=True)
    table.add_column("event", no_wrap=True)
    table.add_column("", ratio=1, overflow="fold")
    for event in events:
        detail = dict(event.detail)
        words = [str(detail.pop(name)) for name in ("status", "reply") if name in detail]
        words += [f"{name}={value}" for name, value in detail.items()]
        line = Text(safe(event.recipient or event.sender or ""))
        line.append("  " + safe(" ".join(words)), style="dim")
        colour = _COLOURS.get(event.verdict, "")
        table.add_row(event.time.replace("T", " ").rstrip("Z"), Text(f"● {event.stage} {event.verdict}", colour), line)
    return table
