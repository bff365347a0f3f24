"""One DNS list: its test points, what its answers mean, and our own addresses on it."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from backend.management.snapshots.dnslists import DnsListPage, DnsListRow
from screens import figures
from screens.colours import ink
from screens.link import Link
from screens.live import Live
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.title import Title

_LONGEST = 500  # characters of what a list says


class DnsListScreen(Live):
    """Opened from the lists."""

    CSS = """
    DnsListScreen VerticalScroll { height: 1fr; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", tooltip="the name of the list to your clipboard (OSC 52)"),
        Binding("escape,q", "back", "Back", key_display="Esc", tooltip="to the lists"),
    ]

    def __init__(self, link: Link, zone: str) -> None:
        super().__init__(link)
        self._zone = zone

    def compose(self) -> ComposeResult:
        """Title, what is known, keys."""
        yield Title("lists", f"DNS lists › {self._zone}")
        yield Banner()
        with VerticalScroll():
            yield Static("", id="list", markup=False)
        yield Keys()

    async def ask(self) -> Any:
        """All lists: they are few."""
        return await self.link.ask(DnsListPage, "dnslist.list", {})

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        page: DnsListPage = snapshot
        row = next((one for one in page.rows if one.zone == self._zone), None)
        words = Text(style=ink.text)
        if row is None:
            words.append("This list is no longer in the settings.")
        else:
            _describe(words, row)
            _ours(words, page, row)
            _codes(words, row)
        self.query_one("#list", Static).update(words)

    def action_copy(self) -> None:
        """The zone."""
        self.app.copy_to_clipboard(self._zone)
        self.notify("copied", markup=False)

    def action_back(self) -> None:
        """To the lists."""
        self.app.pop_screen()


def _describe(words: Text, row: DnsListRow) -> None:
    now = _now()
    share = f", {row.hits / row.asked:.1%}" if row.asked else ""
    facts = [
        ("list", row.zone),
        ("kind", f"{row.kind}, about {', '.join(row.about)}"),
        ("preset", row.preset or "none"),
        ("state", f"{row.state}{f', since {_ago(row.since, now)}' if row.since else ''}"),
        ("why", row.words),
        ("asked", f"{row.asked:,} times; it had {row.hits:,}{share}"),
        ("last hit", _ago(row.last_hit, now)),
        ("tested", _ago(row.tested, now)),
        ("must be listed", row.listed or "not tested yet"),
        ("must not be", row.unlisted or "not tested yet"),
        ("errors", f"{row.errors:,}, the last one {_ago(row.last_error, now)}: {row.error}" if row.errors else "none"),
    ]
    for name, value in facts:
        if value:
            words.append(f"{name:<16}", style=ink.muted).append(f"{safe(value, _LONGEST)}\n")


def _codes(words: Text, row: DnsListRow) -> None:
    words.append("\nIts answers mean\n", style=ink.heading)
    for line in row.codes:
        words.append(f"  {safe(line, _LONGEST)}\n")


def _ours(words: Text, page: DnsListPage, row: DnsListRow) -> None:
    words.append("\nOur own addresses\n", style=ink.heading)
    own = [one for one in page.own if one.zone == row.zone]
    for one in own:
        words.append(f"  {safe(one.address)}: {safe(one.words, _LONGEST)}\n", style=f"bold {ink.bad}")
    if not own:
        words.append("  none on it\n" if row.kind == "black" else "  it is white: they are not looked for\n")


def _ago(time: str | None, now: str) -> str:
    return f"{figures.since(time, now)} ago" if time else "never"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
