"""The quarantine: why each message is kept from its recipients, what is in it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from backend.errors import MailError
from backend.management.snapshots.quarantine import REASONS, QuarantineMessage, QuarantinePage, QuarantineRow
from screens import figures
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.page import Page
from screens.quarantined import DEEDS, Quarantined, colour, label, people
from screens.story import StoryScreen
from screens.text import safe
from screens.widgets.table import Column

_LOOK = "quarantine.show"  # the action behind Enter


class Quarantine(Listing[QuarantineRow]):
    """The newest first. Enter looks into a message, and the audit log has who looked."""

    tab = "viruses"
    crumb = "quarantine"
    lists = "quarantine.list"
    answer = QuarantinePage
    noun = ("message", "messages")
    empty = (
        "Nothing is in quarantine: no mail is kept from its recipients. [antivirus] in the settings says what would be."
    )
    grammar = Grammar(
        keys={
            "reason": "reason",
            "from": "sender",
            "sender": "sender",
            "to": "recipient",
            "recipient": "recipient",
            "part": "part",
        },
        example='infected from:x.test to:bob reason:"refused type"   or any part of the subject, the host ...',
        guess=lambda word: "reason" if word in REASONS else "part",
        choices={"reason": REASONS},
    )
    sorts: ClassVar[Mapping[str, str]] = {
        "-time": "newest first",
        "time": "oldest first",
        "reason": "by reason",
        "-reason": "by reason Z–A",
        "sender": "sender A–Z",
        "-sender": "sender Z–A",
        "-size": "largest first",
        "size": "smallest first",
    }
    deeds = DEEDS
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("id", "id", 6, lambda row, now: Text(safe(row.id), style=ink.muted), narrow=False, right=True),
        Column("time", "age", 6, lambda row, now: figures.since(row.time, now), right=True, sort="time"),
        Column("reason", "reason", 12, lambda row, now: Text(safe(row.reason), style=colour(row)), sort="reason"),
        Column(
            "size", "size", 7, lambda row, now: _muted(figures.size(row.size)), narrow=False, right=True, sort="size"
        ),
        Column("until", "kept", 6, lambda row, now: _muted(figures.until(row.until, now)), narrow=False, right=True),
        Column("sender", "sender", 0, lambda row, now: row.sender or "<>", sort="sender"),
        Column("to", "to", 0, lambda row, now: people(row, 1)),
        Column("subject", "subject", 0, lambda row, now: _muted(row.subject)),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "story", "Trace", tooltip="the story of the message in the trace"),
    ]

    CSS = """
    Quarantine Detail { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._left: list[str] = []  # why some were not released

    def label_of(self, row: QuarantineRow) -> str:
        """Why, and who to whom."""
        return label(row)

    def copied(self, row: QuarantineRow) -> str:
        """The id of the message, as the trace and the logs know it."""
        return row.message

    def detail(self, row: QuarantineRow, now: str) -> Text:
        """Why it is here and what each engine said; who to whom, and until when it is kept."""
        words = Text(f"{safe(row.id)}  ", style=colour(row)).append(safe(row.sentence, 300), style=ink.text)
        said = "  ".join(f"{one.engine}: {one.said}" for one in row.engines)
        words.append(f"  {safe(said, 200)}\nkept until {figures.moment(row.until, now)}  ", style=ink.muted)
        return words.append(f"{safe(row.sender or '<>', 100)} → {people(row, 1)}", style=ink.text)

    # -- looking into one

    def open(self, row: QuarantineRow) -> None:
        """What is in it, as safe text."""
        if reason := self.link.refusal(_LOOK):
            self.notify(safe(reason), severity="warning", markup=False)
        else:
            self.run_worker(self._look_into(row), exclusive=True, group="look")

    async def _look_into(self, row: QuarantineRow) -> None:
        try:
            found = await self.link.ask(QuarantineMessage, _LOOK, {"id": row.id})
        except MailError as error:
            self.notify(safe(error), severity="error", markup=False)
            return
        self.app.push_screen(Quarantined(self.link, found))

    def action_story(self) -> None:
        """What is known of the message under the cursor."""
        row = self.table.current
        if row is not None:
            self.app.push_screen(StoryScreen(self.link, row.message))

    # -- what was not released

    def perform(self, deed: Deed) -> None:
        """Another deed: what the last one left is known."""
        self._left = []
        super().perform(deed)

    def answered(self, deed: Deed, answer: Any) -> None:
        """Which were not released, and why."""
        self._left += [str(one["why"]) for one in answer.get("left", ())]

    def acted(self) -> None:
        """What was left is told of, once, on a page."""
        super().acted()
        left, self._left = self._left, []
        if left:
            head = Text("Not released; all others of them are on their way.\n\n", style=f"bold {ink.text}")
            for why in left:
                head.append(f"● {safe(why, 500)}\n", style=f"not bold {ink.text}")
            self.app.push_screen(Page(self.tab, f"{self.crumb} › not released", head))


def _muted(words: str) -> Text:
    return Text(safe(words, 300), style=ink.muted)
