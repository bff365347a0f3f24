"""One story: what is known of the message, and a sentence for each step of it."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from backend.management.snapshots.trace import StepRow, StoryRow, StoryView
from screens import figures
from screens.colours import ink
from screens.link import Link
from screens.live import Live
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.detail import Detail
from screens.widgets.keys import Keys
from screens.widgets.title import Title

_LONGEST = 500  # characters of a sentence or a fact
_NAMED = 4  # recipients in the head of the story


Envelope = StoryRow | StoryView


def sender(one: Envelope) -> str:
    """Who sent it; of a connection that named nobody, its host."""
    return "<>" if one.sender == "" else safe(one.sender or one.peer or "", 320)


def recipients(one: Envelope, most: int) -> str:
    """`bob@remote.test and 2 more`."""
    names = [safe(name, 320) for name in one.recipients[:most]]
    more = one.number - len(names)
    return ", ".join(names) + (f" and {more:,} more" if names and more > 0 else "")


class Steps(OptionList):
    """The timeline; the keys of a list, and those of vi."""

    DEFAULT_CSS = """
    Steps { height: 1fr; border: none; padding: 0; background: $background; scrollbar-size-vertical: 1; }
    Steps:focus { border: none; background-tint: $foreground 0%; }
    Steps > .option-list--option-highlighted { background: $primary 15%; text-style: none; }
    Steps:focus > .option-list--option-highlighted { background: $primary 35%; text-style: none; }
    Steps > .option-list--option-hover { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, tooltip="to the next step; also the arrow"),
        Binding("k", "cursor_up", "Up", show=False, tooltip="to the step before"),
        Binding("g", "first", "First", show=False, tooltip="to the first step"),
        Binding("G", "last", "Last", show=False, tooltip="to the last step"),
    ]


class StoryScreen(Live):
    """Opened from the list of stories."""

    CSS = """
    StoryScreen #head { height: auto; max-height: 50%; padding: 1 1; }
    StoryScreen Detail { height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back", key_display="Esc", tooltip="to the list"),
        Binding("y", "copy", "Copy", tooltip="the sentence under the cursor to your clipboard (OSC 52)"),
        Binding("Y", "copy_all", "Copy all", tooltip="the whole story to your clipboard (OSC 52)"),
    ]

    def __init__(self, link: Link, story: str) -> None:
        super().__init__(link)
        self._story = story
        self._steps: list[StepRow | None] = []  # as they stand in the list; None for a heading

    def compose(self) -> ComposeResult:
        """Title, what is known of the message, steps, facts, keys."""
        yield Title("trace", self._story)
        yield Banner()
        yield Static("", id="head", markup=False)
        yield Steps(markup=False)
        yield Detail()
        yield Keys()

    def on_mount(self) -> None:
        """The steps have the keys."""
        self.query_one(Steps).focus()

    async def ask(self) -> Any:
        """The story as it stands now."""
        return await self.link.ask(StoryView, "trace.show", {"id": self._story})

    def show(self, snapshot: Any) -> None:
        """Draw it; the cursor begins at the last step and stays where it was put."""
        story: StoryView = snapshot
        self.query_one("#head", Static).update(_head(story))
        steps = _lines(story)
        if steps != self._steps:
            self._draw(story, steps)
        self.pointed()

    def _draw(self, story: StoryView, steps: list[StepRow | None]) -> None:
        listing = self.query_one(Steps)
        before, at_end = listing.highlighted, listing.highlighted in (None, len(self._steps) - 1)
        self._steps = steps
        listing.set_options(
            _option(step, story) if step is not None else _heading(steps, place) for place, step in enumerate(steps)
        )
        listing.highlighted = len(steps) - 1 if at_end else before
        self.call_after_refresh(listing.scroll_to_highlight)

    def repaint(self) -> None:
        """Draw all of it in other colours."""
        self._steps = []
        super().repaint()

    @on(OptionList.OptionHighlighted)
    def pointed(self) -> None:
        """The cursor is on another step: what is known of it beside its sentence."""
        step = self._step
        self.query_one(Detail).show(Text("") if step is None else _facts(step))

    @property
    def _step(self) -> StepRow | None:
        place = self.query_one(Steps).highlighted
        return self._steps[place] if place is not None and place < len(self._steps) else None

    def action_back(self) -> None:
        """To the list."""
        self.app.pop_screen()

    def action_copy(self) -> None:
        """The sentence to the clipboard of the terminal (OSC 52)."""
        if self._step is not None:
            self._copy(_aloud(self._step), "The sentence is copied.")

    def action_copy_all(self) -> None:
        """All of them, a line each, to the clipboard of the terminal (OSC 52)."""
        if self.snapshot is not None:
            self._copy("\n".join(_aloud(step) for step in self.snapshot.steps), "The whole story is copied.")

    def _copy(self, words: str, done: str) -> None:
        self.app.copy_to_clipboard(words)
        self.notify(done, markup=False)


def _aloud(step: StepRow) -> str:
    """`24 November, 12:04 UTC: Waiting: ...`."""
    return f"{figures.day(step.time)}, {step.time[11:16]} UTC. {safe(step.sentence)}"


def _head(story: StoryView) -> Table:
    """What became of it first, then who to whom."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(style=ink.muted, no_wrap=True, width=11)
    table.add_column(ratio=1, overflow="fold")
    colour = ink.of(story.verdict)
    table.add_row(
        Text(f"● {safe(story.verdict)}", style=colour), Text(safe(story.sentence, _LONGEST), style=f"bold {ink.text}")
    )
    rows = [
        ("from", sender(story)),
        ("to", recipients(story, _NAMED)),
        ("came", ", ".join(filter(None, _origin(story)))),
        ("Message-ID", story.message_id or ""),
    ]
    for name, value in rows:
        if value:
            table.add_row(name, Text(safe(value, _LONGEST), style=ink.text))
    return table


def _origin(story: StoryView) -> list[str]:
    """From where, by whom, how large; empty parts are not known."""
    return [
        f"from {story.peer}" if story.peer else "",
        f"logged in as {story.account}" if story.account else "",
        figures.size(story.size) if story.size is not None else "",
    ]


def _lines(story: StoryView) -> list[StepRow | None]:
    """The steps, and a place for a heading before each day."""
    lines: list[StepRow | None] = []
    day = ""
    for step in story.steps:
        if step.time[:10] != day:
            day = step.time[:10]
            lines.append(None)
        lines.append(step)
    return lines


def _heading(lines: list[StepRow | None], place: int) -> Option:
    """The day of the step that follows."""
    following = lines[place + 1]
    assert following is not None
    return Option(Text(f" {figures.day(following.time)} {following.time[:4]}", style=ink.faint), disabled=True)


def _option(step: StepRow, story: StoryView) -> Option:
    """Time, sign, sentence, and of many recipients the one it is about; a long sentence goes on below itself."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True, width=9, style=ink.muted, justify="right")
    table.add_column(no_wrap=True, width=1)
    table.add_column(ratio=1)
    words = Text(safe(step.sentence, _LONGEST), style=ink.text)
    if story.number > 1 and step.recipient and step.recipient not in step.sentence:
        words.append(f"  {safe(step.recipient, 320)}", style=ink.muted)
    for sentence in step.found:
        words.append(f"\n{safe(sentence, _LONGEST)}", style=ink.muted)
    table.add_row(figures.clock(step.time), Text("●", style=ink.of(step.verdict)), words)
    return Option(table)


def _facts(step: StepRow) -> Text:
    """For who wants to know more: stage and verdict, what the other side said, the rest with its names."""
    facts = dict(step.facts)
    words = Text(f"{safe(step.stage)} {safe(step.verdict)}", style=ink.of(step.verdict))
    said = [str(facts.pop(name)) for name in ("status", "reply") if facts.get(name)]
    if said:
        words.append(f"  {safe(' '.join(said), _LONGEST)}", style=ink.text)
    rest = "  ".join(f"{safe(name)}={safe(value, 200)}" for name, value in facts.items() if value not in ("", None))
    return words.append(f"\n{rest}", style=ink.muted)
