"""Authentication: what SPF, DKIM, DMARC and others found over time, of which domains; and the way to the reports."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from backend.management.snapshots.authentication import DomainRows, Figures
from screens import figures
from screens.colours import ink
from screens.dmarc import Impostors, Reports, SentReports
from screens.link import Link
from screens.live import Live
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.checks import CHECKS, Checks
from screens.widgets.keys import Keys
from screens.widgets.panel import Panel
from screens.widgets.title import Title

_SPANS = {1: "the last hour", 24: "the last day", 168: "the last week"}  # hours
_PARTS = 120  # columns of a plot, at the most
_LISTS = (("dmarc", "fail"), ("spf", "fail"), ("dkim", "fail"), ("dmarc", "pass"), ("dmarc", "none"))
_DAYS = 7
_ROWS = 50  # domains


class Authentication(Live):
    """Opened from the DNS screen, or from anywhere with its own key."""

    every = 5.0
    CSS = """
    Authentication #domains { height: 1fr; margin-top: 1; }
    Authentication.-tall Checks { height: 21; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-short"), (40, "-tall")]  # noqa: RUF012  Textual's type for it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "span", "Span", tooltip="an hour, a day, a week"),
        Binding("v", "next_list", "Other domains", tooltip="which domains fail or pass, and in which check"),
        Binding("i", "reports", "Reports in", tooltip="what others report about our domains (DMARC)"),
        Binding(
            "w",
            "impostors",
            "Who sends as us",
            tooltip="addresses that send in our name without proof, as others report",
        ),
        Binding("o", "sent", "Reports out", tooltip="what we reported to the owners of domains"),
        Binding("escape", "app.pop_screen", "Back", key_display="Esc", tooltip="to the DNS"),
    ]

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._hours = 24
        self._list = 0

    def compose(self) -> ComposeResult:
        """Title, plots, domains, keys."""
        yield Title("dns", "authentication")
        yield Banner()
        yield Checks()
        yield Panel(id="domains")
        yield Keys()

    async def ask(self) -> Any:
        """The figures, and the domains of the list that is chosen."""
        check, value = _LISTS[self._list]
        series = await self.link.ask(Figures, "authentication.figures", {"hours": self._hours, "parts": _PARTS})
        some = {"check": check, "value": value, "days": _DAYS, "limit": _ROWS}
        return series, await self.link.ask(DomainRows, "authentication.domains", some)

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        series: Figures = snapshot[0]
        domains: DomainRows = snapshot[1]
        self.query_one(Checks).show(series.series, _SPANS.get(series.hours, f"{series.hours} hours"))
        self.query_one("#domains", Panel).show(lambda width, height: _domains(domains, width, height))

    def action_span(self) -> None:
        """The next length of time."""
        spans = list(_SPANS)
        self._hours = spans[(spans.index(self._hours) + 1) % len(spans)]
        self.action_refresh()

    def action_next_list(self) -> None:
        """The domains of which another check found something."""
        self._list = (self._list + 1) % len(_LISTS)
        self.action_refresh()

    def action_reports(self) -> None:
        """Of others, about us."""
        self.app.push_screen(Reports(self.link))

    def action_impostors(self) -> None:
        """Who sends in our name."""
        self.app.push_screen(Impostors(self.link))

    def action_sent(self) -> None:
        """Ours, about others."""
        self.app.push_screen(SentReports(self.link))


def _domains(domains: DomainRows, width: int, height: int) -> RenderableType:
    """A line a domain, with a bar."""
    check = CHECKS.get(domains.check, domains.check)
    heading = f"Domains with {check} {domains.value}, {domains.days} days"
    if not domains.rows:
        return Text(f"{heading}\n", style=ink.heading).append("There are none.", style=f"not bold {ink.muted}")
    room = max(6, min(60, (width - 30) // 2))
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 0, 0, 1), header_style="none")
    table.add_column(Text(safe(heading), style=ink.heading), ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("", width=room, no_wrap=True)
    table.add_column(Text("messages", style=ink.muted), justify="right", no_wrap=True)
    most = max(row.number for row in domains.rows)
    colour = ink.of(domains.value)
    for row in domains.rows[: max(1, height - 1)]:
        name = Text(safe(row.domain, 255), style=ink.text) if row.domain else Text("all others", style=ink.muted)
        bar = Text("━" * max(1, round(room * row.number / most)), style=colour)
        table.add_row(name, bar, figures.count(row.number))
    return table
