"""One message of the queue: its envelope, its recipients, its story; what is in it, for who may look."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from backend.errors import BadInput
from backend.management.snapshots.queue import EntryView, QueueRow
from backend.management.snapshots.trace import EventRow, StoryView
from screens import figures, inside
from screens.acting import Acting
from screens.colours import ink
from screens.deed import Deed
from screens.link import Link
from screens.steering import DEEDS, label
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.progress import Progress
from screens.widgets.title import Title


class EntryScreen(Acting[QueueRow]):
    """Opened from the queue; the same keys act on it."""

    every = 3.0
    deeds = (*DEEDS, *inside.DEEDS)
    noun = ("entry", "entries")
    CSS = """
    EntryScreen VerticalScroll { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    EntryScreen Static { height: auto; }
    EntryScreen.-wide VerticalScroll { layout: grid; grid-size: 2 1; grid-columns: 2fr 3fr; grid-gutter: 0 4; }
    EntryScreen.-wide VerticalScroll { grid-rows: auto; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  Textual's type for it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back", key_display="Esc", tooltip="to the queue"),
        Binding("y", "copy", "Copy id", show=False, tooltip="the id of the entry to your clipboard (OSC 52)"),
        Binding("j", "scroll(1)", "Down", show=False, tooltip="scroll"),
        Binding("k", "scroll(-1)", "Up", show=False, tooltip="scroll"),
        Binding("g", "scroll(-100000)", "Top", show=False, tooltip="to the envelope"),
        Binding("G", "scroll(100000)", "Bottom", show=False, tooltip="to the last event"),
    ]

    def __init__(self, link: Link, row: QueueRow) -> None:
        super().__init__(link)
        self._row = row
        self._held = False  # whether it can be read

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        yield Title("queue", self._row.id)
        yield Banner()
        yield Progress()
        with VerticalScroll():
            yield Static("", id="message", markup=False)
            yield Static("", id="story", markup=False)
        yield Keys()

    async def ask(self) -> Any:
        """The entry; when it has left the queue, what the trace knows of it."""
        try:
            return await self.link.ask(EntryView, "queue.show", {"id": self._row.id})
        except BadInput:
            found = await self.link.ask(StoryView, "trace.show", {"id": self._row.message})
            return tuple(
                EventRow(step.time, step.stage, step.verdict, recipient=step.recipient, detail=step.facts)
                for step in found.steps
            )

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        here = isinstance(snapshot, EntryView)
        gone = Text("This entry has left the queue.\n", style=f"bold {ink.text}")
        message = Group(envelope(snapshot), recipients(snapshot, self._row.id)) if here else gone
        self.query_one("#message", Static).update(message)
        self.query_one("#story", Static).update(story(snapshot.events if here else snapshot))
        if self._held != (held := here and any(row.state == "held" for row in snapshot.recipients)):
            self._held = held
            self.refresh_bindings()

    @property
    def chosen(self) -> tuple[QueueRow, ...]:
        """This entry."""
        return (self._row,)

    def label_of(self, row: QueueRow) -> str:
        """Who to whom."""
        return label(row)

    def refusal(self, deed: Deed) -> str:
        """Only who may, and only what is held: another message may be on its way while it is read."""
        refused = super().refusal(deed)
        if not refused and deed.action == "queue.read" and not self._held:
            return "Only a held message can be read; hold it first."
        return refused

    def answered(self, deed: Deed, answer: Any) -> None:
        """What is in the message is shown once: every look is a row of the audit log."""
        if page := inside.page(deed, answer):
            self.app.push_screen(page)

    def action_back(self) -> None:
        """To the queue."""
        self.app.pop_screen()

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
    table.add_column(style=ink.muted, no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("From", view.sender or "<>"),
        ("Received", f"{_time(view.received)} UTC from {view.peer or 'this host'}"),
        ("Size", figures.size(view.size)),
        ("Message-ID", view.message_id or "none"),
        ("Account", view.account or ""),
        ("Envelope id", view.envid or ""),
    ]
    for name, value in rows:
        if value:
            table.add_row(name, Text(safe(value, 500), style=ink.text))
    table.add_row("", "")
    return table


def recipients(view: EntryView, chosen: str) -> RenderableType:
    """Who still waits for it, and why; the entry that was opened is the bold one."""
    parts: list[RenderableType] = [Text("Recipients", style=ink.heading)]
    for row in view.recipients:
        colour = ink.of(row.state)
        line = Text("● ", style=colour)
        line.append(safe(row.recipient), style=f"bold {ink.text}" if row.id == chosen else f"not bold {ink.text}")
        line.append(f"  {safe(row.state)}", style=colour)
        tries = f", {row.attempts} {'try' if row.attempts == 1 else 'tries'}" if row.attempts else ""
        due = f", next {_time(row.due)[11:]}" if row.due and row.state == "deferred" else ""
        line.append(f"{tries}{due}", style=ink.muted)
        parts.append(line)
        if row.error:
            parts.append(Padding(Text(safe(row.error), style=ink.muted), (0, 0, 0, 2)))
    return Group(*parts, Text(""))


def story(events: tuple[EventRow, ...]) -> RenderableType:
    """The trace as a timeline, a heading for each day."""
    parts: list[RenderableType] = []
    table = Table.grid(padding=(0, 1))
    day = ""
    for event in events:
        time = _time(event.time)
        if time[:10] != day:
            day = time[:10]
            table = Table.grid(padding=(0, 1), expand=True)
            table.add_column(no_wrap=True, style=ink.muted)
            table.add_column(no_wrap=True)
            table.add_column(ratio=1, overflow="fold")
            parts += [Text.assemble(("Trace  " if not parts else "       ", ink.heading), (day, ink.muted)), table]
        colour = ink.of(event.verdict)
        words = Text(safe(event.recipient or event.sender or ""), style=ink.text)
        if detail := _detail(event):
            words.append(f"\n{detail}", style=ink.muted)
        verdict = Text(f"● {safe(event.verdict)}", style=colour).append(f" {safe(event.stage)}", style=ink.faint)
        table.add_row(time[11:], verdict, words)
    return Group(*parts, Text(""))


def _detail(event: EventRow) -> str:
    """What an event has to say for itself: status and reply first, the rest with its names."""
    detail = dict(event.detail)
    words = [str(detail.pop(name)) for name in ("status", "reply") if name in detail]
    words += [f"{name}={value}" for name, value in detail.items() if value not in ("", None)]
    return safe("  ".join(words))


def _time(rfc3339: str) -> str:
    """`2026-11-24 10:49:52`."""
    return safe(rfc3339[:19].replace("T", " "))
