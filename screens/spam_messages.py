"""Messages that were scored: all of them, those that another threshold would judge otherwise, and those reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.spam import SpamReportRow, SpamReports, SpamRow, SpamRows, SpamTrial
from screens import figures
from screens.colours import ink
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.story import StoryScreen
from screens.text import safe
from screens.widgets.table import Column

_ONLY = ("marked", "clean")
_WRONG = ("false-positive", "false-negative")
_LONGEST = 500  # characters of the reasons
_COLUMNS: tuple[Column[Any], ...] = (
    Column("time", "time", 12, lambda row, now: Text(figures.moment(row.time, now), style=ink.muted), sort="time"),
    Column("points", "points", 7, lambda row, now: _points(row), right=True, sort="points"),
    Column("marked", "mark", 8, lambda row, now: _mark(row.marked)),
    Column("domain", "sender's domain", 0, lambda row, now: row.domain or "<>"),
    Column("reported", "people say", 10, lambda row, now: _said(row), narrow=False),
    Column("reasons", "reasons", 0, lambda row, now: Text(safe(", ".join(row.reasons), _LONGEST), style=ink.muted)),
)


class Scored(Listing[SpamRow]):
    """Enter tells the story of a message."""

    tab = "viruses"
    crumb = "spam › messages"
    lists = "spam.list"
    answer = SpamRows
    noun = ("message", "messages")
    empty = "No mail has been scored yet."
    every = 5.0
    grammar = Grammar(
        keys={"part": "part", "only": "only"},
        example="a part of the sender's domain or of a reason   only:marked   only:clean",
        guess=lambda word: "part",
        choices={"only": _ONLY},
    )
    sorts: ClassVar[Mapping[str, str]] = {
        "-time": "newest first",
        "-points": "most points first",
        "points": "fewest points first",
        "time": "oldest first",
    }
    columns: ClassVar[tuple[Column[Any], ...]] = _COLUMNS

    def detail(self, row: SpamRow, now: str) -> Text:
        """All reasons."""
        return _detail(row)

    def open(self, row: SpamRow) -> None:
        """The story."""
        self.app.push_screen(StoryScreen(self.link, row.id))


class Sides(Listing[SpamRow]):
    """Those that a threshold which is tried would judge otherwise, the nearest to it first; at most 50."""

    tab = "viruses"
    lists = "spam.try"
    answer = SpamTrial
    noun = ("message changes sides", "messages change sides")
    empty = "No message would be judged otherwise. Go back, and try another threshold with the arrows."
    every = 5.0
    grammar = Grammar(keys={}, example="this list has no filter")
    columns: ClassVar[tuple[Column[Any], ...]] = tuple(
        Column(one.name, one.title, one.width, one.cell, narrow=one.narrow, right=one.right) for one in _COLUMNS
    )

    def __init__(self, link: Link, threshold: float) -> None:
        super().__init__(link)
        self._threshold = threshold
        self.crumb = f"spam › {threshold:g} tried"

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[SpamRow], int]:
        """What the trial names."""
        trial = await self.link.ask(SpamTrial, self.lists, {"threshold": f"{self._threshold:g}"})
        self.aside = f"of the last {trial.number:,}: {trial.gained:,} would be marked, {trial.lost:,} no longer"
        return trial.rows, trial.gained + trial.lost

    def detail(self, row: SpamRow, now: str) -> Text:
        """What would become of it, and why."""
        return _detail(row, "would be marked" if row.points >= self._threshold else "would not be marked")

    def open(self, row: SpamRow) -> None:
        """The story."""
        self.app.push_screen(StoryScreen(self.link, row.id))


class Reported(Listing[SpamReportRow]):
    """What people say of the mark, with `mailconsole spam learn`."""

    tab = "viruses"
    crumb = "spam › reported"
    lists = "spam.reports"
    answer = SpamReports
    noun = ("report", "reports")
    empty = (
        "Nobody has reported a message. `mailconsole spam learn --as ham MESSAGE` reports good mail that was marked,"
        " --as spam what was missed."
    )
    every = 5.0
    grammar = Grammar(
        keys={"part": "part", "only": "only"},
        example="a part of the domain or the reporter   only:false-positive   only:false-negative",
        guess=lambda word: "part",
        choices={"only": _WRONG},
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("time", "reported", 12, lambda row, now: Text(figures.moment(row.time, now), style=ink.muted)),
        Column("kind", "it is", 5, lambda row, now: _kind(row.kind)),
        Column("marked", "mark", 8, lambda row, now: _mark(row.marked)),
        Column("points", "points", 7, lambda row, now: _points(row), right=True),
        Column("domain", "sender's domain", 0, lambda row, now: row.domain),
        Column("reporter", "by", 12, lambda row, now: row.reporter),
        Column(
            "reasons",
            "reasons",
            0,
            lambda row, now: Text(safe(", ".join(row.reasons), _LONGEST), style=ink.muted),
            narrow=False,
        ),
    )

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[SpamReportRow], int]:
        """A page, and how many there are of each kind."""
        page = await self.link.ask(SpamReports, self.lists, arguments)
        self.aside = f"{page.false_positives:,} marked wrongly, {page.false_negatives:,} missed, {page.right:,} right"
        return page.rows, page.total

    def key_of(self, row: SpamReportRow) -> str:
        """The same message is the same report."""
        return row.digest

    def detail(self, row: SpamReportRow, now: str) -> Text:
        """Whether the mark was right, and why it was made."""
        right = "The mark was wrong" if row.wrong else "The mark was right"
        words = Text(
            f"{right}: {_says(row.kind)}, {_mark(row.marked).plain[2:]}\n", style=ink.warn if row.wrong else ink.good
        )
        reasons = ", ".join(row.reasons) or "Its reasons are forgotten; the mark is as its header says."
        return words.append(safe(reasons, _LONGEST), style=ink.muted)

    def open(self, row: SpamReportRow) -> None:
        """The story, where it is known."""
        if row.id is None:
            self.notify("The story of this message is forgotten.", severity="warning", markup=False)
        else:
            self.app.push_screen(StoryScreen(self.link, row.id))

    def copied(self, row: SpamReportRow) -> str:
        """The id of its story."""
        return row.id or row.digest


def _detail(row: SpamRow, would: str = "") -> Text:
    words = Text(f"{safe(row.id)}  {row.points:g} points, {'marked' if row.marked else 'not marked'}", style=ink.text)
    if would:
        words.append(f", {would}", style=ink.accent)
    if row.reported:
        words.append(f"; {_says(row.reported)}", style=ink.warn)
    return words.append(f"\n{safe(', '.join(row.reasons), _LONGEST)}", style=ink.muted)


def _says(kind: str) -> str:
    return "reported as spam" if kind == "spam" else "reported as good mail"


def _points(row: SpamRow | SpamReportRow) -> Text:
    return Text(f"{row.points:.1f}", style=ink.warn if row.marked else ink.text)


def _mark(marked: bool) -> Text:
    return Text("▲ marked", style=ink.warn) if marked else Text("● clean", style=ink.good)


def _said(row: SpamRow) -> Text:
    return _kind(row.reported) if row.reported else Text("")


def _kind(kind: str) -> Text:
    return Text("spam" if kind == "spam" else "good", style=ink.warn if kind == "spam" else ink.good)
