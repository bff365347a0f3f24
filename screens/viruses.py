"""Viruses: what was found, an outbreak in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.content import AlertPage, AlertRow
from screens import figures
from screens.colours import ink
from screens.filtering import Grammar
from screens.listing import Listing
from screens.text import safe
from screens.widgets.table import Column


class Viruses(Listing[AlertRow]):
    """The list of alerts."""

    tab = "viruses"
    lists = "virus.list"
    answer = AlertPage
    noun = ("alert", "alerts")
    empty = "No virus was found, and no engine has failed."
    grammar = Grammar(
        keys={"part": "part"},
        example="a part of what was found, of an account or an address",
        guess=lambda word: "part",
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("last", "last", 12, lambda row, now: Text(figures.moment(row.last, now), style=ink.muted)),
        Column("kind", "kind", 9, lambda row, now: row.kind),
        Column("count", "times", 7, lambda row, now: figures.count(row.count), right=True),
        Column("subject", "what", 0, lambda row, now: row.subject),
        Column("words", "words", 0, lambda row, now: Text(safe(row.words, 300), style=ink.muted), narrow=False),
    )

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[AlertRow], int]:
        """Some rows, and how many there are."""
        page = await self.link.ask(AlertPage, self.lists, arguments)
        return page.rows, arguments["offset"] + len(page.rows)

    def copied(self, row: AlertRow) -> str:
        """What names it."""
        return row.subject
