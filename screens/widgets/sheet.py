"""A long text of two columns that scrolls: only the lines that are in sight are drawn, in one widget."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

_GAP = 2  # characters between the columns
_LEAST = 10  # characters of the second column

Span = tuple[str, str]  # words and their style


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the first column, and what stands beside it, on as many lines as it needs. All of it is safe text."""

    name: Span
    words: tuple[Span, ...] = ()


class Sheet(ScrollView):
    """`parts`: the entries of each, whose first columns are as wide as their longest name."""

    DEFAULT_CSS = """
    Sheet { padding: 1 2; background: $surface; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    def __init__(self, parts: Sequence[Sequence[Entry]], width: int) -> None:
        super().__init__()
        self._parts = parts
        self._lines: list[list[Segment]] = []
        self._lay_out(width)

    @property
    def length(self) -> int:
        """Lines there are."""
        return len(self._lines)

    def on_resize(self, event: events.Resize) -> None:
        """Other lines for another width."""
        self._lay_out(self.scrollable_content_region.width)

    def _lay_out(self, width: int) -> None:
        lines = [line for part in self._parts for line in _lines(part, width)]
        if lines != self._lines:
            self._lines = lines
            self.virtual_size = Size(width, len(lines))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line that is in sight."""
        number, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        segments = self._lines[number] if number < len(self._lines) else []
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)


def _lines(entries: Sequence[Entry], width: int) -> Iterator[list[Segment]]:
    first = max((len(entry.name[0]) for entry in entries), default=0) + _GAP
    for entry in entries:
        begins = Segment(entry.name[0].ljust(first), Style.parse(entry.name[1]))
        for line in _wrapped(entry.words, max(_LEAST, width - first)):
            yield [begins, *line]
            begins = Segment(" " * first)


def _wrapped(spans: Iterable[Span], width: int) -> Iterator[list[Segment]]:
    """The words on lines of that width, each with the style of its span."""
    spans = list(spans)
    text = "".join(words for words, _ in spans)
    styles = [style for words, style in spans for _ in words]
    at = 0
    for line in textwrap.wrap(text, width) or [""]:
        at = text.index(line, at)
        yield list(_segments(line, styles[at : at + len(line)]))
        at += len(line)


def _segments(line: str, styles: Sequence[str]) -> Iterator[Segment]:
    begin = 0
    for end in range(1, len(line) + 1):
        if end == len(line) or styles[end] != styles[begin]:
            yield Segment(line[begin:end], Style.parse(styles[begin]))
            begin = end
