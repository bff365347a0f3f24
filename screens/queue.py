"""The queue: find entries, mark them, act on them, open one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from backend.management.snapshots.queue import QueuePage, QueueRow
from screens import figures
from screens.colours import ink
from screens.entry import EntryScreen
from screens.filtering import Grammar
from screens.listing import Listing
from screens.rules import Rules
from screens.steering import DEEDS, label
from screens.text import safe
from screens.widgets.table import Column

_STATES = ("new", "active", "deferred", "held")
_QUEUE_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{13}(-\d+)?", re.IGNORECASE)


def _guess(word: str) -> str:
    if word in _STATES:
        return "state"
    if _QUEUE_ID.fullmatch(word):
        return "id"
    return "to" if "@" in word else "domain"


GRAMMAR = Grammar(
    keys={
        "state": "state",
        "domain": "domain",
        "from": "sender",
        "sender": "sender",
        "to": "recipient",
        "recipient": "recipient",
        "id": "message",
        "message": "message",
        "error": "error",
        "older": "older_than",
        "newer": "newer_than",
    },
    example="state:held domain:x.org from:*@x.org to:bob@* error:timeout older:2h id:…",
    guess=_guess,
    choices={"state": _STATES},
    values={"message": lambda text: text.partition("-")[0]},
)


class Queue(Listing[QueueRow]):
    """The list of entries."""

    tab = "queue"
    lists = "queue.list"
    answer = QueuePage
    noun = ("entry", "entries")
    empty = "The queue is empty: all mail that came in has been delivered."
    grammar = GRAMMAR
    deeds = DEEDS
    sorts: ClassVar[Mapping[str, str]] = {
        "age": "oldest first",
        "-age": "newest first",
        "due": "next try first",
        "-due": "next try last",
        "domain": "domain A–Z",
        "-domain": "domain Z–A",
    }
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("id", "id", 15, lambda row, now: Text(safe(row.id), style=ink.muted), narrow=False),
        Column("state", "state", 8, lambda row, now: Text(safe(row.state), style=ink.of(row.state))),
        Column("age", "age", 7, lambda row, now: figures.since(row.received, now), right=True, sort="age"),
        Column("next", "next", 6, lambda row, now: _muted(figures.until(row.due, now)), right=True, sort="due"),
        Column("tries", "tries", 5, lambda row, now: _tries(row), narrow=False, right=True),
        Column("size", "size", 7, lambda row, now: _muted(figures.size(row.size)), narrow=False, right=True),
        Column("sender", "sender", 0, lambda row, now: row.sender or "<>", narrow=False),
        Column("recipient", "recipient", 0, lambda row, now: row.recipient, sort="domain"),
        Column("error", "last error", 0, lambda row, now: _muted(row.error or "")),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "rules", "Rules", tooltip="rules that hold mail as it comes; n there makes one"),
    ]

    def label_of(self, row: QueueRow) -> str:
        """Who to whom."""
        return label(row)

    def detail(self, row: QueueRow, now: str) -> Text:
        """Who to whom, and why it is still here."""
        tries = f"{row.attempts} {'try' if row.attempts == 1 else 'tries'}"
        words = Text(safe(row.id), style=ink.of(row.state))
        words.append(f"  {figures.size(row.size)}, {tries}  ", style=ink.muted)
        words.append(f"{safe(row.sender or '<>')} → {safe(row.recipient)}\n", style=ink.text)
        return words.append(safe(row.error or "no error so far"), style=ink.muted if row.error else ink.faint)

    def action_rules(self) -> None:
        """The rules; a new one begins with the sender of this row."""
        if reason := self.link.refusal(Rules.lists):
            self.notify(safe(reason), severity="warning", markup=False)
            return
        row = self.table.current
        self.app.push_screen(Rules(self.link, "" if row is None else row.sender or "<>"))

    def open(self, row: QueueRow) -> None:
        """The message with its story."""
        self.app.push_screen(EntryScreen(self.link, row))


def _muted(words: str) -> Text:
    return Text(safe(words, 300), style=ink.muted)


def _tries(row: QueueRow) -> Text:
    return Text(str(row.attempts), style=ink.text if row.attempts else ink.faint)
