"""The table of entries: changed by row key, so that the cursor and the marks stay where they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable
from textual.widgets.data_table import RowDoesNotExist

from backend.management.snapshots import QueueRow
from screens import figures
from screens.text import safe

_WIDE = 120  # columns of the terminal from which on everything is shown
_COLOURS = {"new": "cyan", "active": "green", "deferred": "yellow", "held": "magenta"}
_COLUMNS = {
    "mark": ("", 1),
    "id": ("id", 15),
    "state": ("state", 8),
    "age": ("age", 7),
    "next": ("next", 7),
    "tries": ("tries", 5),
    "size": ("size", 7),
    "sender": ("sender", 0),
    "recipient": ("recipient", 0),
    "error": ("last error", 0),
}
_NARROW = ("mark", "state", "age", "next", "recipient", "error")


class _Placed(Text):
    """A cell that knows the place of its row."""

    def __init__(self, cell: Text, place: int) -> None:
        super().__init__(cell.plain, style=cell.style)
        self.place = place


class QueueTable(DataTable[Text]):
    """Shows rows, remembers marks by id."""

    DEFAULT_CSS = """
    QueueTable { height: 1fr; }
    QueueTable > .datatable--header { background: $panel; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_top", show=False),
        Binding("G", "scroll_bottom", show=False),
    ]

    class Bottom(Message):
        """The cursor came near the last row."""

    def __init__(self) -> None:
        super().__init__(cursor_type="row", zebra_stripes=False)
        self.marks: dict[str, QueueRow] = {}
        self.rows_shown: dict[str, QueueRow] = {}
        self._names: tuple[str, ...] = ()
        self._width = 0
        self._now = ""  # the time of what is shown

    def on_resize(self) -> None:
        """Other columns for another width."""
        if self.size.width != self._width:
            self._lay_out()

    def _lay_out(self) -> None:
        """Make the columns anew; what is left over goes to addresses and errors."""
        self._width = width = self.size.width
        self._names = tuple(_COLUMNS) if width >= _WIDE else _NARROW
        cursor = self.current
        rows, self.rows_shown = list(self.rows_shown.values()), {}
        self.clear(columns=True)
        flexible = [name for name in self._names if not _COLUMNS[name][1]]
        fixed = sum(_COLUMNS[name][1] for name in self._names)
        room = max(10 * len(flexible), width - fixed - 2 * len(self._names) - 2)
        for name in self._names:
            title, columns = _COLUMNS[name]
            share = room * 2 // 5 if name == "error" and len(flexible) > 2 else room // len(flexible)
            self.add_column(title, key=name, width=columns or share)
        self.show(rows, self._now)
        self._to(cursor.id if cursor else None)

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

    def show(self, rows: Sequence[QueueRow], now: str) -> None:
        """Make the table hold these rows in this order, changing no more than has changed. Ages are as of `now`."""
        self._now = now
        if not self._names:
            self.rows_shown = {row.id: row for row in rows}
            return
        cursor = self.current
        position = self.cursor_row
        wanted = {row.id: row for row in rows}
        for gone in [key for key in self.rows_shown if key not in wanted]:
            self.remove_row(gone)
            self.marks.pop(gone, None)
        order = [row.value for row in self.rows]
        for key, row in wanted.items():
            if key in self.marks:
                self.marks[key] = row
            if key not in self.rows_shown:
                self.add_row(*(self._cell(row, name) for name in self._names), key=key)
                order.append(key)
            else:
                self._update(row)
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
        now = self._now
        match name:
            case "mark":
                return Text("●" if row.id in self.marks else " ", style="bold cyan")
            case "state":
                return Text(row.state, style=_COLOURS.get(row.state, ""))
            case "age":
                return Text(figures.since(row.received, now) if now else "", justify="right")
            case "next":
                return Text(figures.until(row.due, now) if now else "", style="dim", justify="right")
            case "tries":
                return Text(str(row.attempts), justify="right")
            case "size":
                return Text(figures.size(row.size), justify="right")
            case "sender":
                return Text(safe(row.sender or "<>", 200))
            case "error":
                return Text(safe(row.error or "", 300), style="dim")
            case _:
                return Text(safe(str(getattr(row, name)), 200))

    def mark(self, rows: Sequence[QueueRow], *, on: bool | None = None) -> None:
        """Mark rows, or take marks away; None: the other way round."""
        for row in rows:
            marked = row.id not in self.marks if on is None else on
            if marked:
                self.marks[row.id] = row
            else:
                self.marks.pop(row.id, None)
            if row.id in self.rows_shown and "mark" in self._names:
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
