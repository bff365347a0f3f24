"""Whether two things would look the same once drawn. Drawing is what a console costs, so it asks this first."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def likeness(drawn: RenderableType) -> object:
    """What can be compared: equal for two things that look the same in the same room, their colours included. What
    is not known here is like nothing else.
    """
    if isinstance(drawn, str):
        return drawn
    if isinstance(drawn, Text):
        return drawn.plain, str(drawn.style), tuple(drawn.spans)
    if isinstance(drawn, Group):
        return tuple(likeness(part) for part in drawn.renderables)
    if isinstance(drawn, Table):
        return tuple(
            (column.width, likeness(column.header), *(likeness(cell) for cell in column.cells))
            for column in drawn.columns
        )
    return object()
