"""DNS lists: how each is, how often it was asked and had somebody, and whether one has an address of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.dnslists import DnsListPage, DnsListRow
from screens import figures
from screens.ask import Field
from screens.colours import ink
from screens.deed import Deed
from screens.dnslist import DnsListScreen
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.note import Note
from screens.text import safe
from screens.widgets.table import Column

_NAMES = ("zone", "state", "kind")
_LONGEST = 300  # characters of what a list says


class DnsLists(Listing[DnsListRow]):
    """There are never many, so the service answers them all, and the filter is applied here."""

    tab = "lists"
    crumb = "DNS lists"
    lists = "dnslist.list"
    answer = DnsListPage
    noun = ("list", "lists")
    empty = "No DNS list is asked; [dnslists] in the settings says so."
    grammar = Grammar(
        keys={"zone": "zone", "state": "state", "kind": "kind"},
        example="state:off kind:black zone:spamhaus",
        guess=lambda word: "zone",
        choices={"kind": ("black", "white"), "state": ("well", "off", "untested")},
    )
    deeds = (
        Deed("dnslist.test", "t", "Test now", "tested", argument="", style="primary"),
        Deed(
            "dnslist.check",
            "c",
            "Check",
            "asked",
            argument="",
            fields=(Field("what", "Address or domain", "192.0.2.7, or spam.example"),),
            style="primary",
        ),
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("zone", "list", 0, lambda row, now: row.zone),
        Column("kind", "kind", 5, lambda row, now: Text(safe(row.kind), style=ink.muted)),
        Column("state", "state", 8, lambda row, now: _state(row)),
        Column("asked", "asked", 7, lambda row, now: figures.count(row.asked), right=True),
        Column("hits", "hits", 6, lambda row, now: figures.count(row.hits), right=True),
        Column("share", "share", 6, lambda row, now: _share(row), right=True),
        Column("last", "last hit", 8, lambda row, now: figures.since(row.last_hit, now), right=True, narrow=False),
        Column("tested", "tested", 8, lambda row, now: figures.since(row.tested, now), right=True),
        Column("words", "why", 0, lambda row, now: Text(safe(_why(row), _LONGEST), style=ink.muted), narrow=False),
    )

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._known = DnsListPage((), (), enabled=True)

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[DnsListRow], int]:
        """All, and of these the ones that fit."""
        self._known = await self.link.ask(DnsListPage, self.lists, {})
        wanted = {name: str(arguments[name]) for name in _NAMES if name in arguments}
        fit = [row for row in self._known.rows if all(word in getattr(row, name) for name, word in wanted.items())]
        first = arguments["offset"]
        return fit[first : first + arguments["limit"]], len(fit)

    def key_of(self, row: DnsListRow) -> str:
        """A list is its zone."""
        return row.zone

    def detail(self, row: DnsListRow, now: str) -> Text:
        """How it is; and our own addresses that any list has."""
        words = Text(f"{safe(row.zone)}: {safe(_why(row), _LONGEST)}\n", style=ink.text)
        own = self._known.own
        if not own:
            return words.append("No black list has an address of ours, as far as they were asked.", style=ink.muted)
        some = ", ".join(f"{safe(one.address)} on {safe(one.zone)}" for one in own[:3])
        return words.append(f"Ours: {some}", style=f"bold {ink.bad}")

    def open(self, row: DnsListRow) -> None:
        """All that is known of it."""
        self.app.push_screen(DnsListScreen(self.link, row.zone))

    def answered(self, deed: Deed, answer: Any) -> None:
        """What the lists say."""
        if deed.action == "dnslist.check":
            lines = [_says(row) for row in answer["rows"]] or ["No list is about that."]
            self.app.push_screen(Note(answer["what"], answer["verdict"], "   ".join(lines)))


def _says(row: dict[str, Any]) -> str:
    off = "" if row["counts"] else " (off)"
    codes = f" {' '.join(row['codes'])}" if row["codes"] else ""
    return f"{row['zone']}{off}: {row['state']}{codes}."


def _state(row: DnsListRow) -> Text:
    colour = {"well": ink.good, "off": ink.bad}.get(row.state, ink.muted)
    return Text(safe(row.state), style=colour)


def _share(row: DnsListRow) -> str:
    return f"{row.hits / row.asked:.1%}" if row.asked else ""


def _why(row: DnsListRow) -> str:
    if row.state == "off":
        return f"not asked: {row.words}"
    if row.state == "untested":
        return "not tested yet"
    return f"well; {row.errors:,} answers that are none, the last one: {row.error}" if row.errors else "well"
