"""The table of a list: changed by row key, so that the cursor and the marks stay where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable
from textual.widgets.data_table import RowDoesNotExist

from screens.colours import ink
from screens.text import safe

_WIDE = 120  # columns of the terminal from which on everything is shown
_LEAST = 10  # characters that a flexible column keeps
_LONGEST = 300  # characters of a cell
_MARK = "mark"  # the first column

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column. `cell(row, now)` gives what stands in it; a str is made safe, cut and drawn in the colour of text.

    `width`: characters, 0 for an equal share of what is left over. `narrow`: stands on 80 columns too.
    `sort`: the order (without its dash) that the heading shows an arrow for.
    """

    name: str
    title: str
    width: int
    cell: Callable[[R, str], Text | str]
    narrow: bool = True
    right: bool = False
    sort: str = ""

    def draw(self, row: R, now: str) -> Text:
        """The cell."""
        words = self.cell(row, now)
        text = words if isinstance(words, Text) else Text(safe(words, _LONGEST), style=ink.text)
        text.no_wrap, text.overflow = True, "ellipsis"
        if self.right:
            text.justify = "right"
        return text

    def heading(self, order: str) -> Text:
        """Its title, with an arrow when the rows are in its order."""
        arrow = ("▴" if order.startswith("-") else "▾") if self.sort and self.sort == order.lstrip("-") else ""
        return Text(self.title, style=ink.muted, justify="right" if self.right else "left").append(
            arrow, style=ink.primary
        )


class _Placed(Text):
    """A cell that knows the place of its row."""

    def __init__(self, cell: Text, place: int) -> None:
        super().__init__(cell.plain, style=cell.style)
        self.place = place


class Table(DataTable[Text], Generic[R]):
    """Shows rows, remembers marks. `key` names a row: the same name is the same row, however it has changed."""

    DEFAULT_CSS = """
    Table { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    Table:focus { background-tint: $foreground 0%; }
    Table > .datatable--header { background: $background; color: $text-muted; text-style: none; }
    Table > .datatable--cursor { background: $primary 15%; text-style: none; }
    Table:focus > .datatable--cursor { background: $primary 35%; text-style: none; }
    Table > .datatable--hover { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", show=False, tooltip="what lies behind the row"),
        Binding("j", "cursor_down", "Down", show=False, tooltip="to the next row; also the arrow"),
        Binding("k", "cursor_up", "Up", show=False, tooltip="to the row before"),
        Binding("g", "scroll_top", "First", show=False, tooltip="to the first row"),
        Binding("G", "scroll_bottom", "Last", show=False, tooltip="to the last row; more are fetched"),
    ]

    class Bottom(Message):
        """The cursor came near the last row."""

    def __init__(self, columns: Sequence[Column[R]], key: Callable[[R], str]) -> None:
        super().__init__(cursor_type="row", cursor_foreground_priority="renderable")
        self._all = columns
        self._key = key
        self.marks: dict[str, R] = {}
        self.rows_shown: dict[str, R] = {}
        self._columns: tuple[Column[R], ...] = ()  # those that there is room for; none before the first layout
        self._width = 0
        self._now = ""  # the time of what is shown
        self._sort = ""

    def on_resize(self) -> None:
        """Other columns for another width."""
        if self.size.width != self._width:
            self._width = self.size.width
            self.lay_out()

    def sorted_by(self, order: str) -> None:
        """Say so in the header: `age`, `-due`, ..."""
        self._sort = order
        self.lay_out()

    def lay_out(self) -> None:
        """Make the columns anew; what is left over goes to those without a width, the rest of it to the last."""
        if not self._width:
            return
        self._columns = tuple(column for column in self._all if column.narrow or self._width >= _WIDE)
        cursor = self.current
        rows, self.rows_shown = list(self.rows_shown.values()), {}
        self.clear(columns=True)
        flexible = [column for column in self._columns if not column.width]
        fixed = 1 + sum(column.width for column in self._columns)
        room = self._width - self.styles.scrollbar_size_vertical - fixed
        room -= 2 * self.cell_padding * (1 + len(self._columns))
        self.add_column(Text(""), key=_MARK, width=1)
        for column in self._columns:
            rest = room % len(flexible) if flexible and column is flexible[-1] else 0
            width = column.width or max(_LEAST, room // len(flexible) + rest)
            self.add_column(column.heading(self._sort), key=column.name, width=width)
        self._put(rows)
        self._to(None if cursor is None else self._key(cursor))

    @property
    def current(self) -> R | None:
        """The row under the cursor."""
        if not self.rows_shown or not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value
        return self.rows_shown.get(key or "")

    @property
    def chosen(self) -> tuple[R, ...]:
        """The marked rows; without marks, the one under the cursor."""
        if self.marks:
            return tuple(self.marks.values())
        current = self.current
        return () if current is None else (current,)

    def show(self, rows: Sequence[R], now: str, *, whole: bool) -> None:
        """Make the table hold these rows in this order, changing no more than has changed. Ages are as of `now`.
        `whole`: there are no others, so that what is marked and not among them is gone.
        """
        self._now = now
        here = {self._key(row): row for row in rows}
        if whole:
            self.marks = {key: row for key, row in self.marks.items() if key in here}
        self.marks.update((key, row) for key, row in here.items() if key in self.marks)
        if self._columns:
            self._put(rows)
        else:
            self.rows_shown = here

    def _put(self, rows: Sequence[R]) -> None:
        cursor, position = self.current, self.cursor_row
        under = None if cursor is None else self._key(cursor)
        wanted = {self._key(row): row for row in rows}
        for gone in [key for key in self.rows_shown if key not in wanted]:
            self.remove_row(gone)
        order = [row.value for row in self.rows]
        for key, row in wanted.items():
            if key in self.rows_shown:
                self._update(key, row)
            else:
                cells = (column.draw(row, self._now) for column in self._columns)
                self.add_row(self._mark_of(key), *cells, key=key)
                order.append(key)
        self.rows_shown = wanted
        if order != list(wanted):
            self._reorder(wanted)
        if under in wanted:
            self._to(under)
        elif rows:
            self.move_cursor(row=min(position, len(rows) - 1), animate=False)

    def _reorder(self, wanted: Iterable[str]) -> None:
        """Put the rows into this order: each cell of the first column says where its row belongs."""
        for place, key in enumerate(wanted):
            self.update_cell(key, _MARK, _Placed(self._mark_of(key), place))
        self.sort(_MARK, key=lambda cell: cell.place)

    def _update(self, key: str, row: R) -> None:
        for column in self._columns:
            cell, there = column.draw(row, self._now), self.get_cell(key, column.name)
            if there != cell or there.style != cell.style:
                self.update_cell(key, column.name, cell)

    def _to(self, key: str | None) -> None:
        if key is None:
            return
        try:
            self.move_cursor(row=self.get_row_index(key), animate=False, scroll=False)
        except RowDoesNotExist:
            return

    def _mark_of(self, key: str) -> Text:
        return Text("●" if key in self.marks else " ", style=ink.heading)

    def mark(self, rows: Iterable[R], *, on: bool | None = None) -> None:
        """Mark rows, or take marks away; None: the other way round."""
        for row in rows:
            key = self._key(row)
            if key not in self.marks if on is None else on:
                self.marks[key] = row
            else:
                self.marks.pop(key, None)
            if key in self.rows_shown and self._columns:
                self.update_cell(key, _MARK, self._mark_of(key))

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
