"""The dashboard: is the service well, what comes and goes, what waits, how much room is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.widgets import OptionList

from backend.management.snapshots.problems import ProblemList
from backend.management.snapshots.status import Disk, RoleRow, Status
from screens import figures
from screens.colours import ink
from screens.live import Live
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.flow import Flow
from screens.widgets.keys import Keys
from screens.widgets.panel import Panel
from screens.widgets.problems import Problems
from screens.widgets.title import Title

_LITTLE = 0.10  # of the disk: from here on it is a worry


class Dashboard(Live):
    """Everything on one screen, at 80x24 too."""

    CSS = """
    Dashboard Grid { grid-size: 2; grid-columns: 3fr 2fr; grid-rows: 7 6 1fr; grid-gutter: 1 2; padding: 1 0 0 0; }
    Dashboard Flow, Dashboard #destinations { column-span: 2; }
    Dashboard.-tall Grid { grid-rows: 19 7 1fr; }
    Dashboard.-tall Flow Horizontal { padding-top: 1; }
    Dashboard.-tall Flow .heading { padding-top: 0; }
    Dashboard.-wide Grid { grid-rows: 7 6 1fr; }
    Dashboard.-wide Flow { column-span: 1; row-span: 2; }
    Dashboard.-wide.-tall Grid { grid-rows: 17 7 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "refresh", "Refresh", tooltip="ask the service now"),
        Binding("p", "pause", "Pause", tooltip="let the picture stand still; p goes on"),
        Binding("q", "app.quit", "Quit", tooltip="leave; the service goes on"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  Textual's type for it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (40, "-tall")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """Title, figures, cards, keys."""
        yield Title("dashboard")
        yield Banner()
        yield Problems()
        with Grid():
            yield Flow()
            for name in _CARDS:
                yield Panel(id=name)
        yield Keys()

    async def ask(self) -> Any:
        """The status, and what needs attention first."""
        status = await self.link.ask(Status, "status")
        self.link.hostname = status.hostname
        return status, await self.link.ask(ProblemList, "problems")

    @on(OptionList.OptionSelected)
    async def entered(self, event: OptionList.OptionSelected) -> None:
        """Enter on a problem: to where it can be seen to."""
        row = self.query_one(Problems).rows[event.option_index]
        if row.screen == "dnslists":
            self.app.action_dnslists()  # type: ignore[attr-defined]
        elif row.screen != "dashboard":
            await self.app.action_tab(row.screen, row.filter)  # type: ignore[attr-defined]

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        status: Status = snapshot[0]
        problems = self.query_one(Problems)
        problems.show(snapshot[1].rows)
        if problems.rows and self.focused is None:
            problems.focus()
        self.query_one(Flow).show(status.minutes)
        for name, draw in _CARDS.items():
            self.query_one(f"#{name}", Panel).show(partial(draw, status))


def _grid(heading: str, *columns: str) -> Table:
    """A table without lines whose first column is the heading of the card; the others are figures."""
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 0, 0, 1), header_style="none")
    table.add_column(Text(heading, style=ink.heading), ratio=1, no_wrap=True, overflow="ellipsis")
    for column in columns:
        table.add_column(Text(column, style=ink.muted), justify="right", no_wrap=True)
    return table


def roles(status: Status, width: int, height: int) -> RenderableType:
    """The processes of the service; those of one kind in one line when there are many."""
    if not status.roles:
        words = Text("Service\n", style=ink.heading)
        return words.append("No role is running. Start them with:\nmailconsole serve", style=f"bold {ink.bad}")
    table = _grid("Service", "pid", "up", "restarts", "memory")
    lines: dict[object, list[RoleRow]] = {}
    for row in status.roles:
        lines.setdefault(row.role if len(status.roles) > height - 1 else (row.role, row.slot), []).append(row)
    for some in lines.values():
        table.add_row(*_role(some, status.time))
    return table


def _role(some: list[RoleRow], now: str) -> list[Text]:
    first = some[0]
    bad = [row for row in some if row.state != "running"]
    restarts = sum(row.restarts for row in some)
    name = Text("● ", style=ink.bad if bad else ink.good)
    name.append(safe(first.role) + (f" ×{len(some)}" if len(some) > 1 else ""), style=ink.text)
    return [
        name,
        Text(str(first.pid or "") if len(some) == 1 else "", style=ink.muted),
        Text(safe(bad[0].state), style=f"bold {ink.bad}") if bad else Text(_up(first.started, now)),
        Text(figures.count(restarts), style=ink.warn if restarts else ink.faint),
        Text(figures.size(sum(row.memory_bytes for row in some))),
    ]


def _up(started: str, now: str) -> str:
    """`45s`, `12m`, `3h 5m`. No seconds beside minutes: the card would have to be drawn anew at each tick for them."""
    first, *rest = figures.since(started, now).split()
    return " ".join((first, *(word for word in rest if not word.endswith("s"))))


def queue(status: Status, width: int, height: int) -> RenderableType:
    """The queue by state, its oldest entry, the disk."""
    totals = status.queue
    heading = _ends(
        Text.assemble(("Queue ", ink.heading), (figures.count(totals.total), f"bold {ink.text}")),
        Text(f"oldest {figures.since(totals.oldest, status.time)}" if totals.oldest else "empty", style=ink.muted),
        width,
    )
    counts = {name: int(getattr(totals, name)) for name in ("new", "active", "deferred", "held")}
    bar = Text("━" * width, style=ink.faint) if not totals.total else _shares(counts, width)
    states = Table.grid(expand=True, padding=(0, 1))
    for _ in range(2):
        states.add_column(no_wrap=True)
        states.add_column(no_wrap=True, ratio=1)
    cells = [
        Text(word, style=style)
        for name, number in counts.items()
        for word, style in ((name, ink.muted), (figures.count(number), ink.of(name) if number else ink.faint))
    ]
    states.add_row(*cells[:4])
    states.add_row(*cells[4:])
    return Group(heading, bar, states, *_disk(status.disk, width))


def _shares(counts: dict[str, int], width: int) -> Text:
    """A line that is divided as the counts are; whatever there is gets a cell."""
    total = sum(counts.values())
    bar = Text(no_wrap=True)
    for name, number in counts.items():
        bar.append("━" * (max(1, round(width * number / total)) if number else 0), style=ink.of(name))
    bar.truncate(width)
    return bar


def _disk(disk: Disk, width: int) -> tuple[Text, Text]:
    free = disk.free_bytes / max(1, disk.total_bytes)
    colour = ink.bad if free < _LITTLE else ink.warn if free < 2 * _LITTLE else ink.good
    used = round((1 - free) * width)
    words = Text.assemble(
        ("Disk ", ink.heading), (f"{figures.size(disk.free_bytes)} free", ink.text if colour == ink.good else colour)
    )
    bar = Text("━" * used, style=colour).append("━" * (width - used), style=ink.faint)
    return _ends(words, Text(f"store {figures.size(disk.store_bytes)}", style=ink.muted), width), bar


def _ends(left: Text, right: Text, width: int) -> Text:
    """A line with a left and a right end."""
    left.pad_right(max(1, width - left.cell_len - right.cell_len))
    left.no_wrap = True
    return left + right


def destinations(status: Status, width: int, height: int) -> RenderableType:
    """The domains with the most mail waiting, with a bar for each."""
    if not status.destinations:
        return Text("Destinations\n", style=ink.heading).append("No mail is waiting.", style=f"not bold {ink.muted}")
    room = max(6, min(60, (width - 40) // 3))
    table = _grid("Destinations", "", "entries", "deferred", "held", "next try")
    table.columns[1].width, table.columns[1].justify = room, "left"
    most = max(row.total for row in status.destinations)
    for row in status.destinations[: max(1, height - 1)]:
        table.add_row(
            Text(safe(row.domain)),
            Text("━" * max(1, round(room * row.total / most)), style=ink.warn if row.deferred else ink.primary),
            figures.count(row.total),
            Text(figures.count(row.deferred), style=ink.of("deferred") if row.deferred else ink.faint),
            Text(figures.count(row.held), style=ink.of("held") if row.held else ink.faint),
            Text(figures.until(row.next, status.time), style=ink.muted),
        )
    return table


_CARDS: dict[str, Callable[[Status, int, int], RenderableType]] = {
    "roles": roles,
    "queue": queue,
    "destinations": destinations,
}
