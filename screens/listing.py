"""A screen with a list: filter, order, pages, marks, deeds. Every list of the console is a subclass of this one.

How to make one, say of sessions (`screens/queue.py` is the example to copy):

 1. The list action takes `limit`, `offset`, `sort` and the filter's arguments, and answers a snapshot with `rows` and
    `total`; with other arguments, or another answer, override `fetch`.
 2. `class Sessions(Listing[SessionRow])` with `tab`, `lists` (the action), `answer` (the snapshot), `noun`, `empty`.
 3. `columns`: Column(name, title, width or 0, lambda row, now: text); `narrow=False` leaves it out on 80 columns. A str
    is made safe by itself; a Text is made of what went through `safe`. Colours are `ink.of("held")`, read when drawing.
 4. `sorts`: order -> words. `grammar`: a Grammar(keys, example, guess). `find_as_typed = True` filters at each key.
 5. `deeds`: Deed("session.end", "d", "End", "ended", argument="id", many=False). The service says whether it is
    dangerous (a dialog), wants a reason (a field), which key it has, and who may do it. `fields` are asked before.
    `argument=""`: about no row, as "add". `prefill` fills fields from the row; `answered` shows what came (Note).
 6. Override `key_of` (default `id`), `label_of` (a line in dialogs), `detail` (two lines under the table), `open`
    (Enter), `copied` (what `y` copies).
 7. A line in TABS of mailconsole/app.py, or `self.app.push_screen(...)` from another screen, with `crumb` set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widgets import DataTable, Input

from backend.errors import BadInput, MailError
from screens import figures
from screens.acting import Acting
from screens.colours import ink
from screens.filtering import Grammar
from screens.link import Link
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.detail import Detail
from screens.widgets.keys import Keys
from screens.widgets.progress import Progress
from screens.widgets.table import Column, Table
from screens.widgets.title import Title
from screens.widgets.words import Words

_PAGE = 200  # rows fetched at once
_MOST = 1_000  # rows kept in the table: who looks for one among more has the filter
_MATCHING = 10_000  # rows that can be marked at once
_UNCOUNTED = 100_000  # from here on the store counts no further

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Shown(Generic[R]):
    """What the screen asked for and got."""

    rows: Sequence[R]
    total: int
    now: str


class Listing(Acting[R]):
    """Filter, order and paging are done by the store."""

    tab: ClassVar[str]  # whose tab is lit
    aside: str = ""  # said beside the number of rows
    crumb: str = ""  # behind the tab, for a screen that lies deeper
    lists: ClassVar[str]  # the action
    answer: ClassVar[type[Any]]  # its snapshot
    columns: ClassVar[tuple[Column[Any], ...]]
    sorts: ClassVar[Mapping[str, str]] = {}  # order -> words; the first one to begin with
    grammar: ClassVar[Grammar]
    empty: ClassVar[str]  # a sentence for when there is nothing, and what to do then
    find_as_typed: ClassVar[bool] = False
    typing_pause: ClassVar[float] = 0.12  # seconds without a key until what is typed is looked for
    every = 3.0
    DEFAULT_CSS = """
    Listing #filter { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    Listing #summary { height: 1; padding: 0 1; background: $surface; }
    Listing.-filtering #filter { display: block; }
    Listing.-filtering #summary { display: none; }
    Listing #nothing { display: none; height: 1fr; padding: 1 2; color: $text-muted; }
    Listing.-empty #nothing { display: block; }
    Listing.-empty Table { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="show some only; the line says how"),
        Binding("space", "mark", "Mark", key_display="␣", tooltip="mark the row, or take the mark away"),
        Binding(
            "asterisk,A", "mark_all", "Mark all", show=False, key_display="* A", tooltip="all that match the filter"
        ),
        Binding("s", "sort", "Sort", tooltip="the next order; a click on a heading does it too"),
        Binding("y", "copy", "Copy", show=False, tooltip="what names the row to your clipboard (OSC 52)"),
        Binding(
            "escape", "clear", "Back", show=False, key_display="Esc", tooltip="marks away, then the filter, then back"
        ),
    ]
    filter_words: reactive[str] = reactive("", repaint=False)
    sort: reactive[str] = reactive("", repaint=False)

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._wanted = _PAGE
        self.set_reactive(Listing.sort, next(iter(self.sorts), ""))

    # -- what a subclass may say

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[R], int]:
        """Some rows, and how many match."""
        page = await self.link.ask(self.answer, self.lists, arguments)
        return page.rows, page.total

    def detail(self, row: R, now: str) -> Text:
        """Two lines on the row under the cursor."""
        return Text(safe(self.label_of(row)), style=ink.text)

    def nothing(self) -> str:
        """What stands there when there is no row."""
        return "Nothing matches; Esc takes the filter away." if self.filter_words else self.empty

    def open(self, row: R) -> None:
        """Enter."""

    def copied(self, row: R) -> str:
        """What `y` copies."""
        return self.key_of(row)

    # -- showing

    def compose(self) -> ComposeResult:
        """Title, filter or summary, table, the row under the cursor, keys."""
        yield Title(self.tab, self.crumb)
        yield Banner()
        yield Progress()
        yield Input(placeholder=self.grammar.example, id="filter", compact=True)
        yield Words(id="summary")
        yield Table(self.columns, self.key_of)
        yield Words(id="nothing")
        yield Detail()
        yield Keys()

    @property
    def table(self) -> Table[R]:
        """The table."""
        return self.query_one(Table)

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()
        self.table.sorted_by(self.sort)

    async def ask(self) -> Any:
        """As many rows as are shown."""
        rows, total = await self._page(self.filter_words, limit=self._wanted)
        return Shown(rows, total, figures.now())

    async def _page(self, words: str, *, limit: int, offset: int = 0) -> tuple[Sequence[R], int]:
        order = {"sort": self.sort} if self.sorts else {}
        return await self.fetch({**self.grammar.parse(words), **order, "limit": limit, "offset": offset})

    def show(self, snapshot: Any) -> None:
        """Change the table."""
        shown: Shown[R] = snapshot
        self.table.show(shown.rows, shown.now, whole=shown.total <= len(shown.rows))
        self.set_class(not shown.rows, "-empty")
        if not shown.rows:
            self.query_one("#nothing", Words).show(Text(self.nothing()))
        self.moved()
        self._summarise()

    def repaint(self) -> None:
        """Draw all of it in other colours."""
        self.table.lay_out()
        super().repaint()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key to sort where there is one order, and none to mark where nothing is done to more rows than one."""
        if action == "sort":
            return len(self.sorts) > 1
        if action in ("mark", "mark_all"):
            return any(deed.argument and not deed.alone for deed in self.deeds)
        return super().check_action(action, parameters)

    def _summarise(self) -> None:
        shown: Shown[R] | None = self.snapshot
        words = Text(no_wrap=True, overflow="ellipsis", style=ink.muted)
        if marks := len(self.table.marks):
            words.append(f"{marks:,} marked  ", style=ink.heading)
        if shown is not None:
            total = f"{_UNCOUNTED:,}+" if shown.total >= _UNCOUNTED else f"{shown.total:,}"
            words.append(f"{total} {self.noun[shown.total != 1]}", style=ink.text)
            if shown.total > len(shown.rows):
                words.append(f", the first {len(shown.rows):,} here")
        words.append(f"  {self.aside or self.sorts.get(self.sort, '')}")
        if self.filter_words:
            words.append("  filter: ", style=ink.faint).append(safe(self.filter_words), style=ink.primary)
        self.query_one("#summary", Words).show(words)

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

    @on(Input.Changed, "#filter")
    def typed(self, event: Input.Changed) -> None:
        """Look for it already, where that is wanted."""
        if self.find_as_typed and event.value.strip() != self.filter_words:
            self.run_worker(self._look(event.value.strip()), exclusive=True, group="filter")

    async def _look(self, words: str) -> None:
        await asyncio.sleep(self.typing_pause)
        try:
            self.grammar.parse(words)
        except BadInput:  # half a word
            return
        self.narrow(words)

    async def _try(self, words: str) -> None:
        """The service has the last word on a filter; one that it refuses is left to be mended."""
        try:
            await self._page(words, limit=1)
        except BadInput as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        except MailError:  # nobody there: the banner says so, and the filter will do when somebody is
            pass
        self._leave_filter()
        self.narrow(words)

    def _leave_filter(self) -> None:
        self.remove_class("-filtering")
        self.table.focus()

    def narrow(self, words: str) -> None:
        """Show what these words mean, from the top."""
        self.filter_words = words
        self._wanted = _PAGE
        if self.is_mounted and self.query(Table):
            self._unmark()
            self.action_refresh()

    def _unmark(self) -> None:
        self.table.mark(list(self.table.marks.values()), on=False)

    async def action_clear(self) -> None:
        """Stop what is at work; or out of the filter line; or marks away; or the filter away; or back."""
        if self.stop():
            return
        if self.has_class("-filtering"):
            self._leave_filter()
        elif self.table.marks:
            self._unmark()
            self._summarise()
        elif self.filter_words:
            self.narrow("")
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            await self.app.run_action("tab('dashboard')")

    def action_sort(self) -> None:
        """The next order."""
        orders = list(self.sorts)
        if orders:
            self._sort_by(orders[(orders.index(self.sort) + 1) % len(orders)])

    @on(DataTable.HeaderSelected)
    def heading(self, event: DataTable.HeaderSelected) -> None:
        """A click on a heading: its order, or the other way round."""
        column = next((column for column in self.columns if column.name == event.column_key.value), None)
        if column is not None and column.sort:
            order = f"-{column.sort}" if self.sort == column.sort else column.sort
            if order in self.sorts:
                self._sort_by(order)

    def _sort_by(self, order: str) -> None:
        self.sort = order
        self._wanted = _PAGE
        self.table.sorted_by(order)
        self.action_refresh()

    @on(Table.Bottom)
    def more(self) -> None:
        """The next page."""
        shown: Shown[R] | None = self.snapshot
        if shown is not None and len(shown.rows) < min(shown.total, _MOST) and self._wanted <= len(shown.rows):
            self._wanted = min(_MOST, self._wanted + _PAGE)
            self.action_refresh()

    @on(DataTable.RowHighlighted)
    def moved(self) -> None:
        """The cursor is on another row."""
        row, shown = self.table.current, self.snapshot
        self.query_one(Detail).show(Text("") if row is None or shown is None else self.detail(row, shown.now))

    @on(DataTable.RowSelected)
    def opened(self) -> None:
        """Enter: what lies behind the row."""
        row = self.table.current
        if row is not None:
            self.open(row)

    # -- acting

    def action_mark(self) -> None:
        """Mark the row and go on to the next."""
        row = self.table.current
        if row is not None:
            self.table.mark([row])
            self.table.action_cursor_down()
            self._summarise()

    def action_mark_all(self) -> None:
        """Mark all that match the filter, also those not shown."""
        self.run_worker(self._mark_all(), exclusive=True, group="mark")

    async def _mark_all(self) -> None:
        rows: list[R] = []
        try:
            while len(rows) < _MATCHING:
                some, _ = await self._page(self.filter_words, limit=_MOST, offset=len(rows))
                rows += some
                if len(some) < _MOST:
                    break
        except MailError as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        self.table.mark(rows, on=True)
        if len(rows) >= _MATCHING:
            self.notify(f"The first {_MATCHING:,} are marked; the command line takes any number.", markup=False)
        self._summarise()

    @property
    def chosen(self) -> tuple[R, ...]:
        """The marked rows, or the one under the cursor."""
        return self.table.chosen

    @property
    def alone(self) -> tuple[R, ...]:
        """The row under the cursor."""
        row = self.table.current
        return () if row is None else (row,)

    def acted(self) -> None:
        """Something was done: the marks have served."""
        self._unmark()
        super().acted()

    def action_copy(self) -> None:
        """To the clipboard of the terminal (OSC 52)."""
        row = self.table.current
        if row is not None:
            self.app.copy_to_clipboard(self.copied(row))
            self.notify(f"{safe(self.copied(row), 60)} copied", markup=False)
