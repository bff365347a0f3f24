"""The table of entries: changed by row key, so that the cursor and the marks stay where they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable
from textual.widgets.data_table import RowDoesNotExist

from backend.management.snapshots.queue import QueueRow
from screens import figures
from screens.colours import FAINT, MUTED, PRIMARY, STATES, TEXT
from screens.text import safe

_WIDE = 120  # columns of the terminal from which on everything is shown
_COLUMNS = {  # title and width; 0: an equal share of what is left over
    "mark": ("", 1),
    "id": ("id", 15),
    "state": ("state", 8),
    "age": ("age", 7),
    "next": ("next", 6),
    "tries": ("tries", 5),
    "size": ("size", 7),
    "sender": ("sender", 0),
    "recipient": ("recipient", 0),
    "error": ("last error", 0),
}
_NARROW = ("mark", "state", "age", "next", "recipient", "error")
_RIGHT = ("age", "next", "tries", "size")
_SORTED = {"age": "age", "due": "next", "domain": "recipient"}  # the column that shows an order


class _Placed(Text):
    """A cell that knows the place of its row."""

    def __init__(self, cell: Text, place: int) -> None:
        super().__init__(cell.plain, style=cell.style)
        self.place = place


class QueueTable(DataTable[Text]):
    """Shows rows, remembers marks by id."""

    DEFAULT_CSS = """
    QueueTable { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    QueueTable:focus { background-tint: $foreground 0%; }
    QueueTable > .datatable--header { background: $background; color: $text-muted; text-style: none; }
    QueueTable > .datatable--cursor { background: $primary 15%; text-style: none; }
    QueueTable:focus > .datatable--cursor { background: $primary 35%; text-style: none; }
    QueueTable > .datatable--hover { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", show=False, tooltip="recipients, last error and trace of the entry"),
        Binding("j", "cursor_down", "Down", show=False, tooltip="to the next entry; also the arrow"),
        Binding("k", "cursor_up", "Up", show=False, tooltip="to the entry before"),
        Binding("g", "scroll_top", "First", show=False, tooltip="to the first entry"),
        Binding("G", "scroll_bottom", "Last", show=False, tooltip="to the last entry; more are fetched"),
    ]

    class Bottom(Message):
        """The cursor came near the last row."""

    def __init__(self) -> None:
        super().__init__(cursor_type="row", cursor_foreground_priority="renderable")
        self.marks: dict[str, QueueRow] = {}
        self.rows_shown: dict[str, QueueRow] = {}
        self._names: tuple[str, ...] = ()
        self._width = 0
        self._now = ""  # the time of what is shown
        self._sort = ""

    def on_resize(self) -> None:
        """Other columns for another width."""
        if self.size.width != self._width:
            self._width = self.size.width
            self._lay_out()

    def sorted_by(self, order: str) -> None:
        """Say so in the header: `age`, `-due`, ..."""
        self._sort = order
        if self._names:
            self._lay_out()

    def _lay_out(self) -> None:
        """Make the columns anew; what is left over goes to addresses and errors."""
        self._names = tuple(_COLUMNS) if self._width >= _WIDE else _NARROW
        cursor = self.current
        rows, self.rows_shown = list(self.rows_shown.values()), {}
        self.clear(columns=True)
        flexible = [name for name in self._names if not _COLUMNS[name][1]]
        fixed = sum(_COLUMNS[name][1] for name in self._names)
        scrollbar = self.styles.scrollbar_size_vertical
        room = self._width - scrollbar - fixed - 2 * self.cell_padding * len(self._names)
        for name in self._names:
            share = max(10, room // len(flexible) + (room % len(flexible) if name == "error" else 0))
            self.add_column(self._heading(name), key=name, width=_COLUMNS[name][1] or share)
        self._put(rows)
        self._to(cursor.id if cursor else None)

    def _heading(self, name: str) -> Text:
        arrow = ("▴" if self._sort.startswith("-") else "▾") if _SORTED.get(self._sort.lstrip("-")) == name else ""
        title = Text(_COLUMNS[name][0], style=MUTED, justify="right" if name in _RIGHT else "left")
        return title.append(arrow, style=PRIMARY)

    @property
    def current(self) -> QueueRow | None:
        """The row under the cursor."""
        if not self.rows_shown or not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value
        return self.rows_shown.get(key or "")

    @property
    def chosen(self) -> tuple[QueueRow, ...]:
        """The marked rows; without marks, the one under the cursor."""
        if self.marks:
            return tuple(self.marks.values())
        return (self.current,) if self.current else ()

    def show(self, rows: Sequence[QueueRow], now: str, *, whole: bool) -> None:
        """Make the table hold these rows in this order, changing no more than has changed. Ages are as of `now`.
        `whole`: there are no others, so that what is marked and not among them has left the queue.
        """
        self._now = now
        if whole:
            here = {row.id for row in rows}
            self.marks = {key: row for key, row in self.marks.items() if key in here}
        self.marks.update((row.id, row) for row in rows if row.id in self.marks)
        if self._names:
            self._put(rows)
        else:
            self.rows_shown = {row.id: row for row in rows}

    def _put(self, rows: Sequence[QueueRow]) -> None:
        cursor, position = self.current, self.cursor_row
        wanted = {row.id: row for row in rows}
        for gone in [key for key in self.rows_shown if key not in wanted]:
            self.remove_row(gone)
        order = [row.value for row in self.rows]
        for key, row in wanted.items():
            if key in self.rows_shown:
                self._update(row)
            else:
                self.add_row(*(self._cell(row, name) for name in self._names), key=key)
                order.append(key)
        self.rows_shown = wanted
        if order != list(wanted):
            self._reorder(wanted)
        if cursor is not None and cursor.id in wanted:
            self._to(cursor.id)
        elif rows:
            self.move_cursor(row=min(position, len(rows) - 1), animate=False)

    def _reorder(self, wanted: Iterable[str]) -> None:
        """Put the rows into this order: each cell of the first column says where its row belongs."""
        places = {key: number for number, key in enumerate(wanted)}
        for key in places:
            self.update_cell(key, "mark", _Placed(self._cell(self.rows_shown[key], "mark"), places[key]))
        self.sort("mark", key=lambda cell: cell.place)

    def _update(self, row: QueueRow) -> None:
        for name in self._names:
            cell = self._cell(row, name)
            if self.get_cell(row.id, name) != cell:
                self.update_cell(row.id, name, cell)

    def _to(self, key: str | None) -> None:
        if key is None:
            return
        try:
            self.move_cursor(row=self.get_row_index(key), animate=False, scroll=False)
        except RowDoesNotExist:
            return

    def _cell(self, row: QueueRow, name: str) -> Text:
        match name:
            case "mark":
                return Text("●" if row.id in self.marks else " ", style=f"bold {PRIMARY}")
            case "id":
                return Text(safe(row.id), style=MUTED)
            case "state":
                return Text(safe(row.state), style=STATES.get(row.state, TEXT))
            case "age":
                return _right(figures.since(row.received, self._now))
            case "next":
                return _right(figures.until(row.due, self._now), MUTED)
            case "tries":
                return _right(str(row.attempts), TEXT if row.attempts else FAINT)
            case "size":
                return _right(figures.size(row.size), MUTED)
            case "error":
                return _cut(row.error or "", MUTED)
            case _:
                return _cut(getattr(row, name) or "<>", TEXT)

    def mark(self, rows: Iterable[QueueRow], *, on: bool | None = None) -> None:
        """Mark rows, or take marks away; None: the other way round."""
        for row in rows:
            if row.id not in self.marks if on is None else on:
                self.marks[row.id] = row
            else:
                self.marks.pop(row.id, None)
            if row.id in self.rows_shown and self._names:
                self.update_cell(row.id, "mark", self._cell(row, "mark"))

    def action_scroll_top(self) -> None:
        """To the first row."""
        self.move_cursor(row=0, animate=False)

    def action_scroll_bottom(self) -> None:
        """To the last row that is here."""
        self.move_cursor(row=max(0, self.row_count - 1), animate=False)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Near the end: more is wanted."""
        if self.row_count and event.cursor_row >= self.row_count - 5:
            self.post_message(self.Bottom())


def _right(words: str, colour: str = TEXT) -> Text:
    return Text(words, style=colour, justify="right")


def _cut(words: str, colour: str) -> Text:
    return Text(safe(words, 300), style=colour, no_wrap=True, overflow="ellipsis")
