"""One alert: when, how often, what each engine said, from which addresses and accounts; Enter leads to the trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Input

from backend.management.snapshots.viruses import AlertPart, AlertRow, AlertView
from screens import figures
from screens.colours import ink
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.detail import Detail
from screens.widgets.keys import Keys
from screens.widgets.progress import Progress
from screens.widgets.table import Column, Table
from screens.widgets.title import Title
from screens.widgets.words import Words

_LONGEST = 500  # characters of what an engine says
_ORDER = ("account", "address", "verdict", "story")  # who first
_WORDS = {
    "account": "Enter shows the account.",
    "address": "Enter shows what else this address did.",
    "verdict": "What the engines said of so many messages.",
    "story": "Enter tells the story of the message.",
}


class AlertScreen(Listing[AlertPart]):
    """Opened from the alerts."""

    tab = "viruses"
    lists = "virus.show"
    answer = AlertView
    noun = ("part", "parts")
    empty = "Nothing more is known of it."
    every = 5.0
    grammar = Grammar(
        keys={"kind": "kind", "what": "value"}, example="kind:address what:192.0.2", guess=lambda word: "what"
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("kind", "", 8, lambda row, now: Text(safe(row.kind), style=ink.muted)),
        Column("value", "what", 0, lambda row, now: _value(row)),
        Column("count", "times", 6, lambda row, now: figures.count(row.count), right=True),
        Column("last", "last", 12, lambda row, now: Text(figures.moment(row.last, now), style=ink.muted)),
        Column(
            "first", "first", 12, lambda row, now: Text(figures.moment(row.first, now), style=ink.muted), narrow=False
        ),
    )
    CSS = """
    AlertScreen #head { height: 4; padding: 0 1; background: $surface; }
    """

    def __init__(self, link: Link, alert: AlertRow) -> None:
        super().__init__(link)
        self._alert = alert
        self.crumb = safe(alert.subject, 40)

    def compose(self) -> ComposeResult:
        """Title, what is known of the alert, its parts, keys."""
        yield Title(self.tab, self.crumb)
        yield Banner()
        yield Progress()
        yield Words(id="head")
        yield Input(placeholder=self.grammar.example, id="filter", compact=True)
        yield Words(id="summary")
        yield Table(self.columns, self.key_of)
        yield Words(id="nothing")
        yield Detail()
        yield Keys()

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[AlertPart], int]:
        """The parts that fit, by kind; of each the last first."""
        view = await self.link.ask(AlertView, self.lists, {"id": self._alert.id})
        self._alert = view.alert
        self.aside = f"of each the last {view.most} are kept"
        fit = [
            row
            for row in view.rows
            if str(arguments.get("kind", "")) in row.kind and str(arguments.get("value", "")) in row.value
        ]
        fit.sort(key=lambda row: _ORDER.index(row.kind) if row.kind in _ORDER else len(_ORDER))
        first = arguments["offset"]
        return fit[first : first + arguments["limit"]], len(fit)

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        self.query_one("#head", Words).show(_head(self._alert, snapshot.now))
        super().show(snapshot)

    def key_of(self, row: AlertPart) -> str:
        """Its kind and what it is."""
        return f"{row.kind} {row.value}"

    def detail(self, row: AlertPart, now: str) -> Text:
        """All of it, and what Enter does."""
        words = Text(f"{safe(row.value, _LONGEST)}\n", style=ink.text)
        return words.append(_WORDS.get(row.kind, ""), style=ink.muted)

    def open(self, row: AlertPart) -> None:
        """To the trace, or to the account."""
        if row.kind == "story":
            from screens.story import StoryScreen

            self.app.push_screen(StoryScreen(self.link, row.value))
        elif row.kind in ("address", "account"):
            tab = "trace" if row.kind == "address" else "accounts"
            self.app.run_worker(self.app.action_tab(tab, row.value), group="tab")  # type: ignore[attr-defined]

    def copied(self, row: AlertPart) -> str:
        """What it is."""
        return row.value


def _head(alert: AlertRow, now: str) -> Text:
    words = Text(f"{safe(alert.kind)}, {safe(alert.state)}: ", style=ink.muted)
    words.append(f"{safe(alert.subject, 320)}\n", style=f"bold {ink.text}")
    words.append("times       ", style=ink.muted)
    words.append(f"{alert.count:,}, first {_when(alert.first, now)}, last {_when(alert.last, now)}\n", style=ink.text)
    words.append("engines     ", style=ink.muted).append(f"{safe(alert.words, _LONGEST)}\n", style=ink.text)
    if alert.disagreed:
        return words.append(f"≠ The engines disagreed about {alert.disagreed:,} of these messages.", style=ink.warn)
    who = safe(", ".join(alert.suspects), 320)
    return words.append(
        f"of ours     {who}" if who else "Nobody of ours sent it.", style=ink.text if who else ink.muted
    )


def _when(time: str, now: str) -> str:
    return f"{figures.moment(time, now)} ({figures.since(time, now)} ago)"


def _value(row: AlertPart) -> Text:
    return Text(safe(row.value, 300), style=ink.text)
