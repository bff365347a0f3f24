"""Where is my mail? Type what is known of it, see what became of it, Enter opens the story."""

from __future__ import annotations

import datetime
import re
import textwrap
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from backend.management.snapshots.trace import StoryRow, TracePage
from screens import figures
from screens.colours import ink
from screens.filtering import FilterError, Grammar
from screens.listing import Listing
from screens.story import StoryScreen, recipients, sender
from screens.text import safe
from screens.widgets.table import Column

_TIMES = ("since", "until")
_SPAN = re.compile(r"\d{1,9}[smhdw]", re.IGNORECASE)


class _Subject(Grammar):
    """All words but `since:` and `until:` are what is looked for: addresses of IPv6 and ids have colons too."""

    def parse(self, words: str) -> dict[str, Any]:
        """The arguments; FilterError in a sentence."""
        found: dict[str, Any] = {}
        subject = []
        for word in words.split():
            key, colon, value = word.partition(":")
            if not colon or key.lower() not in _TIMES:
                subject.append(word)
            elif not _is_time(value):  # half a one is not sent
                raise FilterError(f"{key}: wants a time, as in {key}:2h or {key}:2026-11-24 or {key}:2026-11-24T12:10.")
            else:
                found[key.lower()] = value
        if subject:
            found["subject"] = " ".join(subject)
        return found


def _is_time(value: str) -> bool:
    try:
        return bool(_SPAN.fullmatch(value) or datetime.datetime.fromisoformat(value))
    except ValueError:
        return False


class Trace(Listing[StoryRow]):
    """The list of stories."""

    tab = "trace"
    lists = "trace.find"
    answer = TracePage
    noun = ("story", "stories")
    empty = "Nothing has happened yet: no message has come in, and no connection was refused."
    find_as_typed = True
    typing_pause = 0.3
    every = 2.0
    grammar = _Subject(
        keys={}, example="an address or a part of it, an IP, a network, a Message-ID, an id   since:2h until:2026-11-24"
    )
    sorts: ClassVar[Mapping[str, str]] = {"-time": "newest first", "time": "oldest first"}
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("time", "time", 12, lambda row, now: Text(figures.moment(row.time, now), style=ink.muted), sort="time"),
        Column("verdict", "verdict", 11, lambda row, now: verdict(row.verdict)),
        Column("sender", "from", 22, lambda row, now: sender(row)),
        Column("recipient", "to", 22, lambda row, now: recipients(row, 1)),
        Column("sentence", "what became of it", 0, lambda row, now: _muted(row.sentence), narrow=False),
    )
    CSS = """
    Trace Detail { height: 4; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", tooltip="the sentence, fit to be read out, to your clipboard (OSC 52)"),
    ]

    def nothing(self) -> str:
        """Where nothing is found, what may help."""
        if not self.filter_words:
            return super().nothing()
        return (
            "Nothing is known of that. A part of an address is enough, as in ali or @x.org; try another one, or a"
            " longer time. Events are kept for [trace] keep_days. Esc takes the filter away."
        )

    def detail(self, row: StoryRow, now: str) -> Text:
        """Who to whom, and the sentence as a whole."""
        words = Text(safe(row.id), style=ink.of(row.verdict))
        words.append(f"  {sender(row)}", style=ink.text)
        if row.recipients:
            words.append(f" → {recipients(row, 3)}", style=ink.text)
        lines = textwrap.wrap(safe(row.sentence), max(20, self.size.width - 2)) or [""]
        return words.append("\n" + "\n".join(lines[:3]), style=ink.muted)

    def open(self, row: StoryRow) -> None:
        """The story."""
        self.app.push_screen(StoryScreen(self.link, row.id))

    def copied(self, row: StoryRow) -> str:
        """What can be read out, or written to who asks."""
        return aloud(row)


def aloud(row: StoryRow) -> str:
    """`24 November, 12:04 UTC, alice@example.org to bob@remote.test. Waiting: ...`."""
    to = f" to {recipients(row, 1)}" if row.recipients else ""
    return f"{figures.day(row.time)}, {row.time[11:16]} UTC, {sender(row)}{to}. {safe(row.sentence)}"


def verdict(word: str) -> Text:
    """With its sign."""
    return Text(f"● {safe(word)}", style=ink.of(word))


def _muted(words: str) -> Text:
    return Text(safe(words, 300), style=ink.muted)
