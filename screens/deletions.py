"""Deletions: what can be put back, who deleted it, and until when."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.undo import DeletionPage, DeletionRow
from screens import figures
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.listing import Listing
from screens.text import safe
from screens.widgets.table import Column

_PUT_BACK = Deed("undo", "u", "Put back", "put back", argument="id", many=False, style="primary")
_UNDO = dataclasses.replace(
    _PUT_BACK,
    advice="Mail that goes back into the queue is sent at once; held mail stays held.",
    ways=(_PUT_BACK,),  # it asks first: mail that is on its way cannot be deleted again
)


class Deletions(Listing[DeletionRow]):
    """The newest first, from all operators: `u` on other screens takes back one's own last deed."""

    tab = "audit"
    crumb = "deletions"
    lists = "deletions"
    answer = DeletionPage
    noun = ("deletion", "deletions")
    empty = "Nothing that was deleted can be put back: nothing was deleted, or its time is over (undo_hours)."
    grammar = Grammar(
        keys={"user": "user", "what": "what", "action": "what", "part": "part"},
        example="user:olga what:queue, or any part of what was deleted",
        guess=lambda word: "part",
    )
    deeds = (_UNDO,)
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("id", "id", 6, lambda row, now: Text(safe(row.id), style=ink.muted)),
        Column("age", "age", 7, lambda row, now: figures.since(row.time, now), right=True),
        Column("until", "for", 7, lambda row, now: Text(_left(row, now), style=ink.muted), right=True),
        Column("user", "who", 12, lambda row, now: row.user),
        Column("action", "what", 14, lambda row, now: Text(safe(row.action), style=ink.muted), narrow=False),
        Column("summary", "deleted", 0, lambda row, now: row.summary),
    )

    def label_of(self, row: DeletionRow) -> str:
        """What it was."""
        return f"{row.id}  {row.summary}"

    def detail(self, row: DeletionRow, now: str) -> Text:
        """Who, when, until when."""
        words = Text(f"{safe(row.summary)}\n", style=ink.text)
        words.append(f"{safe(row.user)}, {figures.since(row.time, now)} ago by {safe(row.action)}; ", style=ink.muted)
        return words.append(f"can be put back until {figures.moment(row.until, now)} UTC", style=ink.muted)

    def open(self, row: DeletionRow) -> None:
        """Enter does what `u` does: it asks."""
        if reason := self.refusal(_UNDO):
            self.notify(safe(reason), severity="warning", markup=False)
        else:
            self.perform(_UNDO)


def _left(row: DeletionRow, now: str) -> str:
    return figures.span(max(0.0, figures.seconds(row.until) - figures.seconds(now)))
