"""Viruses: engines that do not work and infected people first, then every outbreak, and figures over time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import DataTable, Input

from backend.errors import MailError
from backend.management.snapshots.content import EngineList, EngineRow
from backend.management.snapshots.probe import ProbePage, ProbeRow
from backend.management.snapshots.viruses import AlertPage, AlertRow, VirusFigures
from screens import figures
from screens.alert import AlertScreen
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.detail import Detail
from screens.widgets.engines import Engines
from screens.widgets.keys import Keys
from screens.widgets.progress import Progress
from screens.widgets.scans import Scans
from screens.widgets.table import Column, Table
from screens.widgets.title import Title
from screens.widgets.words import Words

_SPANS = {1: "the last hour", 24: "the last day", 168: "the last week"}  # hours
_PARTS = 120  # columns of a plot, at the most
_HEALTH = 30.0  # seconds between two questions about the engines: each is asked in person
_DISAGREED = "engines:disagree"
_SIGNS = {"open": "▲", "contained": "■", "done": "✓"}
_COLOURS = {"open": "bad", "contained": "warn", "done": "good"}


class Viruses(Listing[AlertRow]):
    """The list of alerts, under the engines and the figures."""

    tab = "viruses"
    lists = "virus.list"
    answer = AlertPage
    noun = ("alert", "alerts")
    empty = "No virus was found, and no engine has failed."
    every = 5.0
    grammar = Grammar(
        keys={"what": "part", "kind": "kind", "state": "state", "engines": "disagreed"},
        example="a part of a virus, an account, an address   kind:outgoing state:open engines:disagree",
        guess=lambda word: "what",
        choices={"state": ("open", "contained", "done", "over", "kept out")},
        values={"disagreed": lambda word: _only(word)},
    )
    sorts: ClassVar[Mapping[str, str]] = {
        "need": "what needs you first",
        "-last": "the last first",
        "-count": "most often first",
        "-first": "the newest first",
        "first": "the oldest first",
    }
    deeds = (
        Deed(
            "virus.contain",
            "c",
            "Contain",
            "contained",
            argument="what",
            many=False,
            advice="An account is suspended, the mail of a host is refused for 7 days, what either has in the queue"
            " waits. u takes it back.",
        ),
        Deed("virus.done", "d", "Done", "seen to", style="primary"),
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("state", "state", 11, lambda row, now: state(row)),
        Column("last", "last", 12, lambda row, now: Text(figures.moment(row.last, now), style=ink.muted), sort="last"),
        Column("kind", "kind", 8, lambda row, now: row.kind),
        Column("count", "times", 6, lambda row, now: figures.count(row.count), right=True, sort="count"),
        Column("disagreed", "≠", 4, lambda row, now: _disagreed(row), right=True),
        Column("subject", "what", 0, lambda row, now: row.subject),
        Column("from", "from", 0, lambda row, now: Text(safe(_from(row), 320), style=ink.muted), narrow=False),
        Column("first", "first", 12, lambda row, now: _first(row, now), narrow=False, sort="first"),
        Column("words", "the engines", 0, lambda row, now: Text(safe(row.words, 300), style=ink.muted), narrow=False),
    )
    CSS = """
    Viruses #plots { height: auto; }
    Viruses #plots Scans { width: 1fr; }
    Viruses.-tall Scans { height: 11; }
    Viruses.-narrow.-inward #scans-out { display: none; }
    Viruses.-narrow.-outward #scans-in { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  Textual's type for it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (40, "-tall")]  # noqa: RUF012  Textual's type for it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "span", "Span", tooltip="figures of an hour, a day, a week"),
        Binding("v", "direction", "In/out", tooltip="figures of mail from outside, or from inside"),
        Binding("e", "disagreements", "Disagree", tooltip="only what one engine found and another did not"),
    ]

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._hours = 24
        self._known = AlertPage((), 0, 0, 0, 0)
        self._figures: VirusFigures | None = None
        self._engines: tuple[EngineRow, ...] | None = None
        self._probes: tuple[ProbeRow, ...] = ()
        self._asking_engines = False
        self._engines_asked = -_HEALTH
        self._trouble = ""  # why nothing is known of the engines
        self.add_class("-inward")

    def compose(self) -> ComposeResult:
        """Title, engines, figures, filter or summary, table, the row under the cursor, keys."""
        yield Title(self.tab)
        yield Banner()
        yield Progress()
        yield Engines()
        with Horizontal(id="plots"):
            yield Scans("in")
            yield Scans("out")
        yield Input(placeholder=self.grammar.example, id="filter", compact=True)
        yield Words(id="summary")
        yield Table(self.columns, self.key_of)
        yield Words(id="nothing")
        yield Detail()
        yield Keys()

    # -- asking

    def _ask_engines(self) -> None:
        """Behind the alerts, which are there at once: a hung engine takes seconds to say nothing."""
        if not self._asking_engines and time.monotonic() - self._engines_asked > _HEALTH:
            self._asking_engines, self._engines_asked = True, time.monotonic()
            self.run_worker(self._healths(), group="engines")

    async def _healths(self) -> None:
        try:
            self._probes = (await self.link.ask(ProbePage, "probe.list")).rows
            self._engines = (await self.link.ask(EngineList, "virus.engines")).rows
        except MailError as error:
            self._engines, self._trouble = None, str(error)
        finally:
            self._asking_engines = False
        self._draw_engines()

    async def ask(self) -> Any:
        """The alerts, and the figures."""
        shown = await super().ask()
        wanted = {"hours": self._hours, "parts": _PARTS}
        self._figures = await self.link.ask(VirusFigures, "virus.figures", wanted)
        return shown

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[AlertRow], int]:
        """Some alerts, and what stands above them."""
        self._known = await self.link.ask(AlertPage, self.lists, arguments)
        return self._known.rows, self._known.total

    # -- showing

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        super().show(snapshot)
        self._ask_engines()
        self._draw_engines()
        if self._figures is not None:
            for scans in self.query(Scans):
                scans.show(self._figures.series, _SPANS[self._figures.hours])
        self.refresh_bindings()

    def _draw_engines(self) -> None:
        known = self._known
        self.query_one(Engines).show(
            self._engines, self._trouble, known.infected, known.disagreed, figures.now(), self._probes
        )

    def detail(self, row: AlertRow, now: str) -> Text:
        """What it is and how often; what to do about it, or what each engine said."""
        words = Text(f"{safe(_title(row), 200)}, ", style=ink.text)
        times = "once" if row.count == 1 else f"{row.count:,} times"
        words.append(f"{times}, first {figures.moment(row.first, now)}, last {figures.moment(row.last, now)}\n")
        if row.state == "open" and row.suspects:
            return words.append(
                f"c stops {safe(', '.join(row.suspects))}. {safe(row.words, 300)}", style=ink.of("error")
            )
        return words.append(safe(row.words, 300), style=ink.muted)

    @on(DataTable.RowHighlighted)
    def pointed(self) -> None:
        """Whether there is anybody to contain depends on the row."""
        self.refresh_bindings()

    def open(self, row: AlertRow) -> None:
        """All of it."""
        self.app.push_screen(AlertScreen(self.link, row))

    def copied(self, row: AlertRow) -> str:
        """What it is about."""
        return row.subject

    # -- keys

    def action_span(self) -> None:
        """The next length of time."""
        spans = list(_SPANS)
        self._hours = spans[(spans.index(self._hours) + 1) % len(spans)]
        self.action_refresh()

    def action_direction(self) -> None:
        """The figures of the other direction, where there is room for one of them."""
        outward = self.has_class("-inward")
        self.set_class(not outward, "-inward")
        self.set_class(outward, "-outward")

    def action_disagreements(self) -> None:
        """Only these, or all again."""
        self.narrow("" if self.filter_words == _DISAGREED else _DISAGREED)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where both directions are in sight there is none to choose."""
        if action == "direction":
            return not self.has_class("-wide")
        return super().check_action(action, parameters)

    # -- acting

    def label_of(self, row: AlertRow) -> str:
        """In a dialog: who, or what."""
        return f"{', '.join(row.suspects) or row.subject}  ({_title(row)}, {row.count:,}x)"

    def arguments(self, deed: Deed, row: AlertRow) -> dict[str, Any]:
        """The account, and the host where it is ours."""
        return {"what": list(row.suspects)} if deed.argument == "what" else super().arguments(deed, row)

    def refusal(self, deed: Deed) -> str:
        """Nobody can be contained for an alert that is about nobody of ours."""
        if (reason := super().refusal(deed)) or deed.argument != "what" or not self.query(Table):
            return reason
        return "" if any(row.suspects for row in self.chosen) else "This alert is about nobody of ours."

    def answered(self, deed: Deed, answer: Any) -> None:
        """What could not be held."""
        if answer.get("passing"):
            words = f"{answer['passing']:,} entries of the queue were on their way: do it once more in a minute."
            self.notify(words, severity="warning", markup=False)

    def _subject(self, rows: Sequence[AlertRow], done: int, given: dict[str, Any], deed: Deed) -> str:
        return safe(rows[0].subject, 60) if len(rows) == done == 1 else super()._subject(rows, done, given, deed)


def state(row: AlertRow) -> Text:
    """With its sign."""
    colour = getattr(ink, _COLOURS.get(row.state, "muted"))
    return Text(f"{_SIGNS.get(row.state, '·')} {safe(row.state, 12)}", style=colour)


def _title(row: AlertRow) -> str:
    what = {
        "incoming": "from outside",
        "outgoing": "sent by one of ours",
        "engine": "an engine that failed",
        "scorer": "a scorer of spam that failed",
        "probe": "what the probe showed",
    }
    return f"{row.subject}: {what.get(row.kind, row.kind)}"


def _from(row: AlertRow) -> str:
    return " ".join(filter(None, (row.account, row.peer)))


def _first(row: AlertRow, now: str) -> Text:
    return Text(figures.moment(row.first, now), style=ink.muted)


def _disagreed(row: AlertRow) -> Text:
    return Text(figures.count(row.disagreed) if row.disagreed else "", style=ink.warn)


def _only(word: str) -> bool:
    if word != "disagree":
        raise ValueError(word)
    return True
