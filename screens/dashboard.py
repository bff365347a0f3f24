"""The dashboard: is the service well, what comes and goes, what waits, how much room is left."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Footer

from backend.management.snapshots import Status, from_json
from screens import figures
from screens.live import Live
from screens.text import safe
from screens.widgets.flow import Flow
from screens.widgets.panel import Panel
from screens.widgets.title import Title

_LITTLE = 0.10  # of the disk: from here on it is a worry
_STATES = (("new", "cyan"), ("active", "green"), ("deferred", "yellow"), ("held", "magenta"))


class Dashboard(Live):
    """Everything on one screen, at 80x24 too."""

    CSS = """
    Dashboard Flow { height: 8; }
    Dashboard #middle { height: 7; }
    Dashboard #roles { width: 3fr; }
    Dashboard #queue { width: 2fr; }
    Dashboard #destinations { height: 1fr; }
    Dashboard.-tall Flow { height: 20; }
    Dashboard.-tall #middle { height: 9; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-short"), (40, "-tall")]  # noqa: RUF012  Textual's type for it

    def compose(self) -> ComposeResult:
        """Title, figures, panels, keys."""
        yield Title("dashboard")
        yield Flow()
        with Horizontal(id="middle"):
            yield Panel("roles", id="roles")
            yield Panel("queue", id="queue")
        yield Panel("destinations", id="destinations")
        yield Footer(show_command_palette=False, compact=True)

    async def ask(self) -> Any:
        """The status."""
        return from_json(Status, await self.link.call("status"))

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        status: Status = snapshot
        title = self.query_one(Title)
        title.service = f"{safe(status.hostname, 40)}  {status.service}  {figures.clock(status.time)} UTC"
        self.query_one(Flow).show(status.minutes)
        self.query_one("#roles", Panel).show(lambda width, height: roles(status, width))
        self.query_one("#queue", Panel).show(lambda width, height: queue(status, width))
        self.query_one("#destinations", Panel).show(lambda width, height: destinations(status, width, height))


def _grid(*columns: str) -> Table:
    """A table without lines; `>` in front of a column puts it to the right."""
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1), header_style="dim")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
    return table


def roles(status: Status, width: int) -> RenderableType:
    """The processes of the service."""
    if not status.roles:
        return Text("No role is running.\nStart them with: mailconsole serve", style="bold red")
    table = _grid("role", ">pid", "up", ">restarts", ">memory")
    for role in status.roles:
        running = role.state == "running"
        table.add_row(
            safe(role.role),
            str(role.pid or ""),
            Text(f"● {figures.since(role.started, status.time)}", style="green")
            if running
            else Text(f"● {safe(role.state)}", style="bold red"),
            Text(str(role.restarts), style="yellow" if role.restarts else "dim"),
            figures.size(role.memory_bytes),
        )
    return table


def queue(status: Status, width: int) -> RenderableType:
    """The queue by state, its oldest entry, the disk."""
    lines = Text(no_wrap=True, overflow="ellipsis")
    totals = status.queue
    for number, (name, colour) in enumerate(_STATES):
        value = int(getattr(totals, name))
        lines.append(f"{name:<8}", style="dim")
        lines.append(f"{figures.count(value):>5}", style=colour if value else "dim")
        lines.append("\n" if number % 2 else "  ")
    lines.append("total   ", style="dim")
    lines.append(f"{figures.count(totals.total):>5}", style="bold")
    oldest = figures.since(totals.oldest, status.time)
    if oldest:
        lines.append("  oldest ", style="dim")
        lines.append(oldest)
    lines.append("\n")
    disk = status.disk
    free = disk.free_bytes / max(1, disk.total_bytes)
    colour = "bold red" if free < _LITTLE else "yellow" if free < 2 * _LITTLE else "green"
    cells = max(4, min(24, width - 18))
    used = round((1 - free) * cells)
    lines.append("disk ", style="dim")
    lines.append("━" * used, style=colour)
    lines.append("━" * (cells - used), style="grey37")
    lines.append(f" {figures.size(disk.free_bytes)} free", style=colour if free < 2 * _LITTLE else "")
    lines.append(f"\nstore {figures.size(disk.store_bytes)}", style="dim")
    return lines


def destinations(status: Status, width: int, height: int) -> RenderableType:
    """The domains with the most mail waiting, with a bar for each."""
    if not status.destinations:
        return Text("Nothing is waiting.", style="dim")
    table = _grid("domain", ">entries", ">deferred", ">held", ">next try")
    most = max(row.total for row in status.destinations)
    room = max(0, min(40, width - 70))
    if room:
        table.add_column("", width=room)
    for row in status.destinations[: max(1, height - 1)]:
        cells: list[RenderableType] = [
            Text(safe(row.domain)),
            figures.count(row.total),
            Text(figures.count(row.deferred), style="yellow" if row.deferred else "dim"),
            Text(figures.count(row.held), style="magenta" if row.held else "dim"),
            figures.until(row.next, status.time),
        ]
        if room:
            cells.append(Text("▇" * max(1, round(room * row.total / most)), style="yellow" if row.deferred else "cyan"))
        table.add_row(*cells)
    return table
