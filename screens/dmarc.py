"""DMARC reports: of others about our domains, who sends in our name, and what we reported to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.dmarc import (
    ImpostorList,
    ImpostorRow,
    ReportList,
    ReportRow,
    ReportView,
    SentList,
    SentRow,
    SourceRow,
)
from screens import figures
from screens.colours import ink
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.text import safe
from screens.widgets.table import Column


class Reports(Listing[ReportRow]):
    """Enter shows what a report says of each address."""

    tab = "dns"
    crumb = "DMARC reports in"
    lists = "dmarc.reports"
    answer = ReportList
    noun = ("report", "reports")
    empty = (
        "Nobody has reported yet. Others report to the address in the DMARC record of a domain; [dmarc] report_address"
        " is where they are read, and `mailconsole dmarc import` reads files."
    )
    every = 10.0
    grammar = Grammar(keys={"part": "part"}, example="a part of a domain or of a reporter", guess=lambda word: "part")
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("day", "day", 10, lambda row, now: Text(safe(row.ends[:10]), style=ink.muted)),
        Column("domain", "domain", 0, lambda row, now: row.domain),
        Column("reporter", "reporter", 0, lambda row, now: row.organisation),
        Column("messages", "messages", 9, lambda row, now: figures.count(row.messages), right=True),
        Column("failed", "not proven", 10, lambda row, now: _failed(row.failed), right=True),
        Column("sources", "addresses", 9, lambda row, now: figures.count(row.sources), narrow=False, right=True),
        Column("policy", "policy", 0, lambda row, now: Text(safe(row.policy), style=ink.muted), narrow=False),
    )

    def detail(self, row: ReportRow, now: str) -> Text:
        """Who reported, and whether that is certain."""
        words = Text(f"{safe(row.organisation)} ({safe(row.contact)}) on {safe(row.domain)}, ", style=ink.text)
        words.append(f"policy {safe(row.policy)}\n", style=ink.muted)
        if row.proven:
            return words.append(f"The report is proven to come from {safe(row.sender)}.", style=ink.good)
        came = f"The report came from {safe(row.sender)}" if row.sender else "The report came from a file"
        return words.append(f"{came}; nothing proves who wrote it.", style=ink.muted)

    def open(self, row: ReportRow) -> None:
        """What it says of each address."""
        self.app.push_screen(Sources(self.link, row))

    def copied(self, row: ReportRow) -> str:
        """What names it."""
        return f"{row.organisation} {row.report}"


class Sources(Listing[SourceRow]):
    """One report, the mail that did not pass first."""

    tab = "dns"
    lists = "dmarc.report"
    answer = ReportView
    noun = ("row", "rows")
    empty = "No row of this report is kept."
    every = 30.0
    grammar = Grammar(keys={}, example="this list has no filter")
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("source", "address", 0, lambda row, now: row.source),
        Column("messages", "messages", 9, lambda row, now: figures.count(row.messages), right=True),
        Column("spf", "SPF", 5, lambda row, now: Text(safe(row.spf), style=ink.of(row.spf))),
        Column("dkim", "DKIM", 5, lambda row, now: Text(safe(row.dkim), style=ink.of(row.dkim))),
        Column("disposition", "done", 10, lambda row, now: Text(safe(row.disposition), style=ink.of(row.disposition))),
        Column("from", "From", 0, lambda row, now: Text(safe(row.header_from, 255), style=ink.muted)),
        Column("reason", "why otherwise", 0, lambda row, now: Text(safe(row.reason), style=ink.muted), narrow=False),
    )

    def __init__(self, link: Link, report: ReportRow) -> None:
        super().__init__(link)
        self._report = report
        self.crumb = f"report of {safe(report.organisation, 40)}"

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[SourceRow], int]:
        """The rows of this report."""
        view = await self.link.ask(ReportView, self.lists, {**arguments, "id": self._report.id})
        return view.rows, view.total

    def detail(self, row: SourceRow, now: str) -> Text:
        """What was checked, with what outcome."""
        envelope = f"envelope {row.envelope_from or 'unknown'}, From {row.header_from or 'unknown'}"
        words = Text(f"{safe(row.source)}  {safe(envelope, 400)}\n", style=ink.text)
        return words.append(safe("  ".join(row.results), 600), style=ink.muted)

    def copied(self, row: SourceRow) -> str:
        """The address."""
        return row.source


class Impostors(Listing[ImpostorRow]):
    """Who sends in our name without proof: forgers, and machines of ours that SPF and DKIM forget."""

    tab = "dns"
    crumb = "who sends as us"
    lists = "dmarc.sources"
    answer = ImpostorList
    noun = ("address", "addresses")
    empty = "Nobody was reported to send in our name without proof in these days."
    every = 30.0
    grammar = Grammar(
        keys={"domain": "domain", "days": "days"},
        example="domain:example.org days:90",
        guess=lambda word: "domain",
        values={"days": int},
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("source", "address", 0, lambda row, now: row.source),
        Column("messages", "messages", 9, lambda row, now: figures.count(row.messages), right=True),
        Column("refused", "refused", 9, lambda row, now: _failed(row.refused), right=True),
        Column("reporters", "reporters", 9, lambda row, now: figures.count(row.reporters), right=True),
        Column("from", "From", 0, lambda row, now: Text(safe(row.header_from, 255), style=ink.muted)),
        Column("last", "last", 10, lambda row, now: Text(safe(row.last[:10]), style=ink.muted)),
    )

    def detail(self, row: ImpostorRow, now: str) -> Text:
        """What to do about it."""
        words = Text(
            f"{safe(row.source)} sent {row.messages:,} messages as {safe(row.header_from, 255)}", style=ink.text
        )
        words.append(f", {row.refused:,} of them refused or marked\n")
        return words.append(
            "One of ours? Then add it to SPF, and sign its mail. If not, the policy works.", style=ink.muted
        )

    def copied(self, row: ImpostorRow) -> str:
        """The address."""
        return row.source


class SentReports(Listing[SentRow]):
    """Enter shows the story of a report's mail."""

    tab = "dns"
    crumb = "DMARC reports out"
    lists = "dmarc.sent"
    answer = SentList
    noun = ("report", "reports")
    empty = "No report was sent yet: they go out once a day, for the day before ([dmarc] reports)."
    every = 10.0
    grammar = Grammar(keys={"part": "part"}, example="a part of a domain", guess=lambda word: "part")
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("day", "day", 10, lambda row, now: Text(safe(row.day), style=ink.muted)),
        Column("domain", "domain", 0, lambda row, now: row.domain),
        Column("to", "to", 0, lambda row, now: Text(safe(row.recipient, 320), style=ink.muted)),
        Column("messages", "messages", 9, lambda row, now: figures.count(row.messages), right=True),
        Column("outcome", "outcome", 0, lambda row, now: _outcome(row)),
    )

    def detail(self, row: SentRow, now: str) -> Text:
        """What became of it."""
        words = Text(f"{safe(row.domain)} on {safe(row.day)}: {row.messages:,} messages", style=ink.text)
        words.append(f" from {row.sources:,} addresses, to {safe(row.recipient, 320)}\n", style=ink.text)
        return words.append(safe(row.outcome, 300), style=ink.of(row.outcome))

    def open(self, row: SentRow) -> None:
        """The story of the mail."""
        from screens.story import StoryScreen

        if row.message is not None:
            self.app.push_screen(StoryScreen(self.link, row.message))


def _failed(number: int) -> Text:
    return Text(figures.count(number), style=ink.bad if number else ink.faint)


def _outcome(row: SentRow) -> Text:
    return Text(safe(row.outcome, 300), style=ink.of(row.outcome) if row.outcome == "sent" else ink.warn)
