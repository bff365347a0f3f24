"""DNS: for each of our domains what should be published, what is, and how well they fit; what is wrong comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.table import Table as Grid
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from backend.errors import MailError
from backend.management.snapshots.dns import DnsCheck, DnsRow, ZoneText
from screens.colours import ink
from screens.filtering import Grammar
from screens.listing import Listing
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.table import Column
from screens.widgets.title import Title

_SIGNS = {"wrong": "✗", "missing": "✗", "weak": "!", "unknown": "?", "optional": "-", "right": "✓"}
_LONGEST = 2_000  # characters of a text


class Dns(Listing[DnsRow]):
    """There are some ten records a domain, so the service answers them all, and the filter is applied here."""

    tab = "dns"
    lists = "dns.check"
    answer = DnsCheck
    noun = ("record", "records")
    empty = "No domain is ours; `mailconsole domain add` takes mail for one."
    every = 30.0
    grammar = Grammar(
        keys={"domain": "domain", "what": "purpose", "state": "state", "name": "name"},
        example="domain:example.org what:spf state:wrong",
        guess=lambda word: "state" if word in _SIGNS else "domain",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "authentication", "Authentication", tooltip="SPF, DKIM, DMARC over time; DMARC reports"),
        Binding("f", "ask_again", "Ask again", tooltip="ask the name servers now"),
        Binding("y", "copy", "Copy", tooltip="the record to your clipboard (OSC 52), as a zone has it"),
        Binding("Y", "copy_zone", "Copy zone", tooltip="all records of the domain to your clipboard (OSC 52)"),
    ]
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("state", "state", 10, lambda row, now: _state(row)),
        Column("purpose", "what", 14, lambda row, now: row.purpose),
        Column("name", "name", 0, lambda row, now: Text(safe(row.name, 255), style=ink.muted)),
        Column("words", "how it is", 0, lambda row, now: row.words),
        Column(
            "found", "now", 0, lambda row, now: Text(safe("; ".join(row.found), 300), style=ink.muted), narrow=False
        ),
    )
    _fresh_wanted = False
    _left_out = 0  # domains that a check of all passes over

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[DnsRow], int]:
        """All, and of these the ones that fit."""
        fresh, self._fresh_wanted = self._fresh_wanted, False
        asked: dict[str, Any] = {"fresh": True} if fresh else {}
        name = str(arguments.get("domain", ""))
        if self._left_out and "." in name:
            asked["domain"] = name
        answer = await self.link.ask(DnsCheck, self.lists, asked)
        self._left_out = self._left_out or answer.left_out
        self.aside = f"{self._left_out:,} more domains: /domain:NAME asks about one" if self._left_out else ""
        rows = answer.rows
        wanted = {
            name: str(arguments[name]).lower() for name in ("domain", "purpose", "state", "name") if name in arguments
        }
        fit = [row for row in rows if all(word in str(getattr(row, name)).lower() for name, word in wanted.items())]
        first = arguments["offset"]
        return fit[first : first + arguments["limit"]], len(fit)

    def label_of(self, row: DnsRow) -> str:
        """What, of whom."""
        return f"{row.purpose} of {row.domain}"

    def detail(self, row: DnsRow, now: str) -> Text:
        """What is, over what should be."""
        found = safe("; ".join(row.found) or "nothing", _LONGEST)
        words = Text("is         ", style=ink.muted).append(found, style=ink.of(row.state))
        return words.append("\nshould be  ", style=ink.muted).append(
            safe(row.line or row.why, _LONGEST), style=ink.text
        )

    def open(self, row: DnsRow) -> None:
        """All that is known of it."""
        self.app.push_screen(RecordScreen(row))

    def copied(self, row: DnsRow) -> str:
        """The record as a zone has it."""
        return row.line or row.name

    def action_ask_again(self) -> None:
        """Ask the name servers, not the service's memory of a moment ago."""
        self._fresh_wanted = True
        self.notify("Asking the name servers ...", markup=False)
        self.action_refresh()

    def action_copy_zone(self) -> None:
        """All records of the domain under the cursor."""
        row = self.table.current
        if row is not None:
            self.run_worker(self._copy_zone(row.domain), exclusive=True, group="zone")

    async def _copy_zone(self, domain: str) -> None:
        try:
            zone = await self.link.ask(ZoneText, "dns.zone", {"domain": domain})
        except MailError as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        self.app.copy_to_clipboard(zone.text)
        self.notify(f"The records of {safe(domain, 60)} are copied.", markup=False)

    def action_authentication(self) -> None:
        """What checks found of senders."""
        from screens.authentication import Authentication

        self.app.push_screen(Authentication(self.link))


class RecordScreen(Screen[None]):
    """One record, in full."""

    CSS = """
    RecordScreen VerticalScroll { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    RecordScreen Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", tooltip="the record to your clipboard (OSC 52), as a zone has it"),
        Binding("escape,q", "app.pop_screen", "Back", key_display="Esc", tooltip="to the list"),
    ]

    def __init__(self, row: DnsRow) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """Title, what is known, keys."""
        row = self._row
        table = Grid.grid(padding=(0, 2, 1, 0))
        table.add_column(style=ink.muted, no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(
            "state", Text(f"{_SIGNS.get(row.state, '?')} {safe(row.state)}. {safe(row.words)}", style=ink.of(row.state))
        )
        facts = [
            ("what for", row.why),
            ("is", "\n".join(safe(one, _LONGEST) for one in row.found) or "There is none."),
            ("should be", row.line or "Only you can know it."),
        ]
        for name, value in facts:
            lines = "\n".join(safe(line, _LONGEST) for line in value.split("\n"))
            table.add_row(name, Text(lines, style=ink.text))
        yield Title("dns", f"{row.purpose} of {row.domain}")
        yield Banner()
        with VerticalScroll():
            yield Static(table, markup=False)
        yield Keys()

    def action_copy(self) -> None:
        """To the clipboard of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(self._row.line or self._row.name)
        self.notify("copied", markup=False)


def _state(row: DnsRow) -> Text:
    return Text(f"{_SIGNS.get(row.state, '?')} {safe(row.state, 10)}", style=ink.of(row.state))
