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

from backend.errors import BadInput, MailError
from backend.management.snapshots.queue import QueuePage, QueueRow
from screens import filtering
from screens.colours import FAINT, MUTED, PRIMARY, TEXT
from screens.entry import EntryScreen
from screens.link import Link
from screens.steering import Steered, Steering
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.detail import Detail
from screens.widgets.queue_table import QueueTable
from screens.widgets.title import Title

_PAGE = 200  # entries fetched at once
_MOST = 1_000  # entries kept in the table: who looks for one among more has the filter
_MATCHING = 10_000  # entries that can be marked at once
_SORTS = {
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


class Queue(Steered):
    """The list of entries. Filter, order and paging are done by the store."""

    every = 3.0
    CSS = """
    Queue #filter { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    Queue #summary { height: 1; padding: 0 1; background: $surface; }
    Queue.-filtering #filter { display: block; }
    Queue.-filtering #summary { display: none; }
    Queue #nothing { display: none; height: 1fr; padding: 1 2; color: $text-muted; }
    Queue.-empty #nothing { display: block; }
    Queue.-empty QueueTable { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip=f"show some entries only: {filtering.HELP}"),
        Binding("space", "mark", "Mark", key_display="␣", tooltip="mark the entry, or take the mark away"),
        Binding(
            "asterisk,A", "mark_all", "Mark all", show=False, key_display="* A", tooltip="all that match the filter"
        ),
        Binding("s", "sort", "Sort", tooltip="by age, by the next try, by domain, and the other way round"),
        Binding("y", "copy", "Copy id", show=False, tooltip="the id of the entry to your clipboard (OSC 52)"),
        Binding("escape", "clear", "Back", show=False, tooltip="marks away, then the filter, then to the dashboard"),
    ]
    filter_words: reactive[str] = reactive("")
    sort: reactive[str] = reactive("age")

    def __init__(self, link: Link) -> None:
        super().__init__(link, Steering(link))
        self._wanted = _PAGE

    def compose(self) -> ComposeResult:
        """Title, filter or summary, table, the entry under the cursor, keys."""
        yield Title("queue")
        yield Banner()
        yield Input(placeholder=filtering.HELP, id="filter", compact=True)
        yield Static("", id="summary", markup=False)
        yield QueueTable()
        yield Static("", id="nothing", markup=False)
        yield Detail()
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.query_one(QueueTable).focus()
        self.query_one(QueueTable).sorted_by(self.sort)

    async def ask(self) -> Any:
        """As much of the queue as is shown."""
        page = await self._page(self.filter_words, limit=self._wanted)
        return Shown(page.rows, page.total, datetime.datetime.now(datetime.UTC).isoformat())

    async def _page(self, words: str, *, limit: int, offset: int = 0) -> QueuePage:
        arguments = {**filtering.parse(words), "sort": self.sort, "limit": limit, "offset": offset}
        return await self.link.ask(QueuePage, "queue.list", arguments)

    def show(self, snapshot: Any) -> None:
        """Change the table."""
        shown: Shown = snapshot
        table = self.query_one(QueueTable)
        table.show(shown.rows, shown.now, whole=shown.total <= len(shown.rows))
        self.set_class(not shown.rows, "-empty")
        self.query_one("#nothing", Static).update(
            "Nothing in the queue matches; Esc takes the filter away." if self.filter_words else "The queue is empty."
        )
        self.query_one(Detail).show(table.current)
        self._summarise()

    def _summarise(self) -> None:
        shown: Shown | None = self.snapshot
        table = self.query_one(QueueTable)
        words = Text(no_wrap=True, overflow="ellipsis", style=MUTED)
        if table.marks:
            words.append(f"{len(table.marks):,} marked  ", style=f"bold {PRIMARY}")
        if shown is not None:
            total = "100,000+" if shown.total >= 100_000 else f"{shown.total:,}"
            words.append(f"{total} {'entry' if shown.total == 1 else 'entries'}", style=TEXT)
            if shown.total > len(shown.rows):
                words.append(f", {len(shown.rows):,} here")
        words.append(f"  {_SORTS[self.sort]}")
        if self.filter_words:
            words.append("  filter: ", style=FAINT).append(safe(self.filter_words), style=PRIMARY)
        self.query_one("#summary", Static).update(words)

    # -- looking

    def action_filter(self) -> None:
        """Type a filter."""
        line = self.query_one("#filter", Input)
        self.add_class("-filtering")
        line.value = self.filter_words
        line.focus()

    @on(Input.Submitted, "#filter")
    def filtered(self, event: Input.Submitted) -> None:
        """Use it, or say what is wrong with it."""
        self.run_worker(self._try(event.value.strip()), exclusive=True, group="filter")

    async def _try(self, words: str) -> None:
        """The service has the last word on a filter; one that it refuses is left to be mended."""
        try:
            await self._page(words, limit=1)
        except (filtering.FilterError, BadInput) as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        except MailError:  # nobody there: the banner says so, and the filter will do when somebody is
            pass
        self._leave_filter()
        self._start_over(words=words)

    def _leave_filter(self) -> None:
        self.remove_class("-filtering")
        self.query_one(QueueTable).focus()

    def _start_over(self, *, words: str) -> None:
        self.filter_words = words
        self._wanted = _PAGE
        table = self.query_one(QueueTable)
        table.mark(list(table.marks.values()), on=False)
        self.action_refresh()

    def action_clear(self) -> None:
        """Out of the filter line; or marks away; or the filter away; or to the dashboard."""
        table = self.query_one(QueueTable)
        if self.has_class("-filtering"):
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
        orders = list(_SORTS)
        self.sort = orders[(orders.index(self.sort) + 1) % len(orders)]
        self._wanted = _PAGE
        self.query_one(QueueTable).sorted_by(self.sort)
        self.action_refresh()

    @on(QueueTable.Bottom)
    def more(self) -> None:
        """The next page."""
        shown: Shown | None = self.snapshot
        if shown is not None and len(shown.rows) < min(shown.total, _MOST) and self._wanted <= len(shown.rows):
            self._wanted = min(_MOST, self._wanted + _PAGE)
            self.action_refresh()

    @on(DataTable.RowHighlighted)
    def moved(self) -> None:
        """The cursor is on another entry."""
        self.query_one(Detail).show(self.query_one(QueueTable).current)

    @on(DataTable.RowSelected)
    def opened(self) -> None:
        """Enter: the entry with its story."""
        row = self.query_one(QueueTable).current
        if row is not None:
            self.app.push_screen(EntryScreen(self.link, self.steering, row))

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
        rows: list[QueueRow] = []
        try:
            while len(rows) < _MATCHING:
                page = await self._page(self.filter_words, limit=1_000, offset=len(rows))
                rows += page.rows
                if len(page.rows) < 1_000:
                    break
        except MailError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.query_one(QueueTable).mark(rows, on=True)
        if len(rows) >= _MATCHING:
            self.notify(f"The first {_MATCHING:,} are marked; for more use: mailconsole queue", markup=False)
        self._summarise()

    @property
    def chosen(self) -> tuple[QueueRow, ...]:
        """The marked entries, or the one under the cursor."""
        return self.query_one(QueueTable).chosen

    def acted(self) -> None:
        """Something was done: the marks have served."""
        table = self.query_one(QueueTable)
        table.mark(list(table.marks.values()), on=False)
        super().acted()

    def action_copy(self) -> None:
        """The id to the clipboard of the terminal (OSC 52)."""
        row = self.query_one(QueueTable).current
        if row is not None:
            self.app.copy_to_clipboard(row.id)
            self.notify(f"{row.id} copied", markup=False)
