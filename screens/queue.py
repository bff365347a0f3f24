"""The queue: find entries, mark them, act on them, open one."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widgets import DataTable, Footer, Input, Static

from backend.errors import MailError
from backend.management.snapshots import QueuePage, QueueRow, from_json
from screens import figures, filtering
from screens.entry import EntryScreen
from screens.link import Link
from screens.live import Live
from screens.steering import Order, reason_against, steer
from screens.text import safe
from screens.widgets.queue_table import QueueTable
from screens.widgets.title import Title

_PAGE = 200  # entries fetched at once
_MOST = 1_000  # entries kept in the table: who looks for one among more has the filter
_MATCHING = 10_000  # entries that can be marked at once
_SORTS = ("age", "-age", "due", "-due", "domain", "-domain")
_SORT_WORDS = {
    "age": "oldest first",
    "-age": "newest first",
    "due": "next try first",
    "-due": "next try last",
    "domain": "domain A–Z",
    "-domain": "domain Z–A",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the screen asked for and got."""

    rows: tuple[QueueRow, ...]
    total: int
    now: str


class Queue(Live):
    """The list of entries. Filter, order and paging are done by the store."""

    every = 3.0
    CSS = """
    Queue #filter { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    Queue #filter.-open { display: block; }
    Queue #summary { height: 1; padding: 0 1; color: $text-muted; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("space", "mark", "Mark", key_display="␣"),
        Binding("asterisk", "mark_all", "Mark all", show=False, key_display="*"),
        Binding("h", "steer('hold')", "Hold"),
        Binding("l", "steer('release')", "Release"),
        Binding("t", "steer('retry')", "Retry"),
        Binding("d", "steer('delete')", "Delete"),
        Binding("u", "undo", "Undo"),
        Binding("s", "sort", "Sort"),
        Binding("y", "copy", "Copy id", show=False),
        Binding("escape", "clear", "Clear marks, then filter", show=False),
    ]
    filter_words: reactive[str] = reactive("")
    sort: reactive[str] = reactive("age")

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._wanted = _PAGE
        self._undo: Order | None = None

    def compose(self) -> ComposeResult:
        """Title, filter, table, summary, keys."""
        yield Title("queue")
        yield Input(placeholder=filtering.HELP, id="filter", compact=True)
        yield QueueTable()
        yield Static("", id="summary", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.query_one(QueueTable).focus()

    async def ask(self) -> Any:
        """As much of the queue as is shown."""
        arguments = {**filtering.parse(self.filter_words), "sort": self.sort, "limit": self._wanted}
        page = from_json(QueuePage, await self.link.call("queue.list", arguments))
        return Shown(page.rows, page.total, datetime.datetime.now(datetime.UTC).isoformat())

    def show(self, snapshot: Any) -> None:
        """Change the table."""
        shown: Shown = snapshot
        table = self.query_one(QueueTable)
        table.show(shown.rows, shown.now)
        self._summarise()

    def _summarise(self) -> None:
        shown: Shown | None = self.snapshot
        table = self.query_one(QueueTable)
        words = Text(no_wrap=True, overflow="ellipsis")
        if table.marks:
            words.append(f"{len(table.marks)} marked  ", style="bold cyan")
        if shown is not None:
            total = "100,000+" if shown.total >= 100_000 else f"{shown.total:,}"
            words.append(f"{total} {'entry' if shown.total == 1 else 'entries'}")
            if shown.total > len(shown.rows):
                words.append(f", {len(shown.rows)} here")
        words.append(f"  {_SORT_WORDS[self.sort]}")
        if self.filter_words:
            words.append(f"  filter: {safe(self.filter_words)}", style="cyan")
        self.query_one("#summary", Static).update(words)
        if shown is not None:
            self.query_one(Title).service = f"{figures.clock(shown.now)} UTC"

    # -- looking

    def action_filter(self) -> None:
        """Type a filter."""
        line = self.query_one("#filter", Input)
        line.add_class("-open")
        line.value = self.filter_words
        line.focus()

    @on(Input.Submitted, "#filter")
    def filtered(self, event: Input.Submitted) -> None:
        """Use it, or say what is wrong with it."""
        try:
            filtering.parse(event.value)
        except filtering.FilterError as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        self._leave_filter()
        self._start_over(words=event.value.strip())

    def _leave_filter(self) -> None:
        self.query_one("#filter", Input).remove_class("-open")
        self.query_one(QueueTable).focus()

    def _start_over(self, *, words: str) -> None:
        self.filter_words = words
        self._wanted = _PAGE
        self.query_one(QueueTable).marks.clear()
        self.action_refresh()

    def action_clear(self) -> None:
        """Out of the filter line; or marks away; or the filter away."""
        table = self.query_one(QueueTable)
        if self.query_one("#filter", Input).has_class("-open"):
            self._leave_filter()
        elif table.marks:
            table.mark(list(table.marks.values()), on=False)
            self._summarise()
        elif self.filter_words:
            self._start_over(words="")
        else:
            self.app.switch_mode("dashboard")

    def action_sort(self) -> None:
        """The next order."""
        self.sort = _SORTS[(_SORTS.index(self.sort) + 1) % len(_SORTS)]
        self._wanted = _PAGE
        self.action_refresh()

    @on(QueueTable.Bottom)
    def more(self) -> None:
        """The next page."""
        shown: Shown | None = self.snapshot
        if shown is not None and len(shown.rows) < min(shown.total, _MOST) and self._wanted <= len(shown.rows):
            self._wanted = min(_MOST, self._wanted + _PAGE)
            self.action_refresh()

    @on(DataTable.RowSelected)
    def opened(self) -> None:
        """Enter: the entry with its story."""
        row = self.query_one(QueueTable).current
        if row is not None:
            self.app.push_screen(EntryScreen(self.link, row))

    # -- acting

    def action_mark(self) -> None:
        """Mark the entry and go on to the next."""
        table = self.query_one(QueueTable)
        if table.current is not None:
            table.mark([table.current])
            table.action_cursor_down()
            self._summarise()

    def action_mark_all(self) -> None:
        """Mark all that match the filter, also those not shown."""
        self.run_worker(self._mark_all(), exclusive=True, group="mark")

    async def _mark_all(self) -> None:
        table = self.query_one(QueueTable)
        try:
            arguments = {**filtering.parse(self.filter_words), "sort": self.sort, "limit": 1_000}
            rows: list[QueueRow] = []
            while len(rows) < _MATCHING:
                page = from_json(QueuePage, await self.link.call("queue.list", {**arguments, "offset": len(rows)}))
                rows += page.rows
                if len(page.rows) < 1_000:
                    break
        except MailError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        table.mark(rows, on=True)
        if len(rows) >= _MATCHING:
            self.notify(f"The first {_MATCHING:,} are marked; for more use: mailconsole queue", markup=False)
        self._summarise()

    def action_steer(self, verb: str) -> None:
        """Act on the marked entries, or on the one under the cursor."""
        steer(self, self.link, Order(verb, self.query_one(QueueTable).chosen))

    def after_order(self, undo: Order | None) -> None:
        """Something was done."""
        self._undo = undo or self._undo
        table = self.query_one(QueueTable)
        table.mark(list(table.marks.values()), on=False)
        self.refresh_bindings()
        self.action_refresh()

    def action_undo(self) -> None:
        """Take the last hold or release back."""
        order, self._undo = self._undo, None
        if order is not None:
            steer(self, self.link, order)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that can do nothing now are shown dim."""
        if action == "undo":
            return self._undo is not None
        if action == "steer" and self.link.hello is not None:
            return None if reason_against(self.link, str(parameters[0])) else True
        return True

    def action_copy(self) -> None:
        """The id to the clipboard of the terminal (OSC 52)."""
        row = self.query_one(QueueTable).current
        if row is not None:
            self.app.copy_to_clipboard(row.id)
            self.notify(f"{row.id} copied", markup=False)
