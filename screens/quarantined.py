"""One message of the quarantine: why it is there, its header fields, its parts, its text. Nothing of it is followed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from backend.management.snapshots.quarantine import QuarantineMessage, QuarantineRow
from backend.management.snapshots.reading import MessageHeaders, MessageText
from screens import figures, inside
from screens.acting import Acting
from screens.colours import ink
from screens.deed import Deed
from screens.link import Link
from screens.story import StoryScreen
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.keys import Keys
from screens.widgets.progress import Progress
from screens.widgets.title import Title

_RELEASE = Deed("quarantine.release", "l", "Release", "released", slow=True, style="primary")
DEEDS = (
    replace(
        _RELEASE,
        ways=(_RELEASE, replace(_RELEASE, label="Release anyway", given={"anyway": True}, style="error")),
        advice="Each is scanned again first, and stays when an engine finds something. Anyway: nothing is scanned.",
    ),
    Deed("quarantine.delete", "d", "Delete", "deleted", advice="Nobody is written to. It can be undone for a while."),
)


def colour(row: QuarantineRow) -> str:
    """Of its reason."""
    return ink.bad if row.reason == "infected" else ink.warn


def people(row: QuarantineRow, most: int) -> str:
    """`bob@example.org and 2 more`."""
    names = [safe(name, 320) for name in row.recipients[:most]]
    more = row.number - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def label(row: QuarantineRow) -> str:
    """In one line of a dialog."""
    return f"{row.id}  {row.reason}  {row.sender or '<>'} → {people(row, 1)}"


class Quarantined(Acting[QuarantineRow]):
    """Opened from the quarantine. It is shown as it was read: another look would be another row of the audit log."""

    every = 3_600.0  # nothing is asked again
    deeds = DEEDS
    noun = ("message", "messages")
    CSS = """
    Quarantined VerticalScroll { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    Quarantined Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back", key_display="Esc", tooltip="to the quarantine"),
        Binding("w", "story", "Trace", tooltip="the story of the message in the trace"),
        Binding("y", "copy", "Copy id", show=False, tooltip="the id of the message to your clipboard (OSC 52)"),
        Binding("j", "scroll(1)", "Down", show=False, tooltip="scroll"),
        Binding("k", "scroll(-1)", "Up", show=False, tooltip="scroll"),
        Binding("g", "scroll(-100000)", "Top", show=False, tooltip="to why it is here"),
        Binding("G", "scroll(100000)", "Bottom", show=False, tooltip="to the end of its text"),
    ]

    def __init__(self, link: Link, message: QuarantineMessage) -> None:
        super().__init__(link)
        self._message = message
        self._gone = False  # released or deleted from here

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        yield Title("viruses", f"quarantine › {self._message.row.id}")
        yield Banner()
        yield Progress()
        with VerticalScroll():
            yield Static("", id="why", markup=False)
            yield Static("", id="inside", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """The page keys scroll."""
        self.query_one(VerticalScroll).focus()

    async def ask(self) -> Any:
        """What was read when it was opened."""
        return self._message

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        message: QuarantineMessage = snapshot
        self.query_one("#why", Static).update(_why(message.row, figures.now()))
        self.query_one("#inside", Static).update(_inside(message))

    @property
    def chosen(self) -> tuple[QuarantineRow, ...]:
        """This one."""
        return (self._message.row,)

    def label_of(self, row: QuarantineRow) -> str:
        """Why, and who to whom."""
        return label(row)

    def answered(self, deed: Deed, answer: Any) -> None:
        """It is not here any more."""
        self._gone = True

    def acted(self) -> None:
        """Back to the list, when it has gone."""
        super().acted()
        if self._gone:
            self.app.pop_screen()

    def action_story(self) -> None:
        """What is known of the message."""
        self.app.push_screen(StoryScreen(self.link, self._message.row.message))

    def action_copy(self) -> None:
        """The id to the clipboard of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(self._message.row.message)
        self.notify(f"{safe(self._message.row.message)} copied", markup=False)

    def action_back(self) -> None:
        """To the list."""
        self.app.pop_screen()

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _why(row: QuarantineRow, now: str) -> RenderableType:
    """The sentence first, then what is known of the message."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style=ink.muted, no_wrap=True)
    table.add_column(overflow="fold")
    facts = [
        *((safe(one.engine, 40), one.said) for one in row.engines),
        ("From", row.sender or "<>"),
        ("To", people(row, len(row.recipients))),
        ("Came", f"{figures.moment(row.time, now)} UTC from {row.peer or 'this host'}, {figures.size(row.size)}"),
        ("Account", row.account or ""),
        ("Kept until", f"{figures.moment(row.until, now)} UTC"),
    ]
    for name, value in facts:
        if value:
            table.add_row(Text(name), Text(safe(value, 2_000), style=ink.text))
    sentence = Text("● ", style=colour(row)).append(safe(row.sentence, 500), style=f"bold {ink.text}")
    return Group(sentence, Text(""), table, Text(""))


def _inside(message: QuarantineMessage) -> RenderableType:
    """Header fields, parts, text."""
    row = message.row
    fields = MessageHeaders(row.id, message.headers, cut=False)
    text = MessageText(row.id, message.text, message.source, message.parts, message.cut)
    return Group(Text("Headers", style=ink.heading), inside.headers(fields), Text(""), inside.text(text))
