"""Spam: how much is marked, what mail scores and for which reasons, and what another threshold would do, tried on the
last messages before it is set.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from backend.errors import MailError
from backend.management.snapshots.spam import SpamFigures, SpamPicture, SpamTrial, SpamWeight
from screens import figures
from screens.acting import Acting
from screens.colours import ink
from screens.deed import Deed
from screens.link import Link
from screens.spam_messages import Reported, Scored, Sides
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.histogram import histogram
from screens.widgets.keys import Keys
from screens.widgets.panel import Panel
from screens.widgets.progress import Progress
from screens.widgets.title import Title
from screens.widgets.volume import Volume
from screens.widgets.words import Words

_SPANS = {1: "the last hour", 24: "the last day", 168: "the last week"}  # hours
_PARTS = 120  # columns of a plot, at the most
_LEAST, _MOST = 1, 1_000  # tenths of points that can be tried
_SET = "spam.threshold"
_DEED = Deed(_SET, "t", "Set", "are in force now", argument="", many=False)


class Spam(Acting[None]):
    """Opened from anywhere with its own key. The threshold that is tried is this screen's until it is set."""

    every = 5.0
    noun = ("threshold", "thresholds")
    deeds = (_DEED,)
    CSS = """
    Spam #state { height: 2; padding: 0 1; }
    Spam #below { height: 1fr; margin-top: 1; }
    Spam #scores { height: 8; }
    Spam #reasons { height: 1fr; }
    Spam.-tall #reasons { margin-top: 1; }
    Spam #trial { height: 2; padding: 0 1; background: $panel; }
    Spam #nothing { display: none; height: 1fr; padding: 1 2; color: $text-muted; }
    Spam.-empty #nothing { display: block; }
    Spam.-empty #below, Spam.-empty #trial { display: none; }
    Spam.-tall Volume { height: 10; margin-top: 1; }
    Spam.-tall #scores { height: 2fr; }
    Spam.-wide.-tall #below { layout: horizontal; }
    Spam.-wide.-tall #scores { width: 3fr; height: 1fr; }
    Spam.-wide.-tall #reasons { width: 2fr; height: 1fr; margin: 0 0 0 1; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  Textual's type for it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (40, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,less_than_sign", "move(-5)", "Less", key_display="←", tooltip="try half a point less: more is marked"
        ),
        Binding(
            "right,greater_than_sign",
            "move(5)",
            "More",
            key_display="→",
            tooltip="try half a point more: less is marked",
        ),
        Binding(
            "minus", "move(-1)", "A tenth less", show=False, key_display="-", tooltip="try a tenth of a point less"
        ),
        Binding("plus,equals_sign", "move(1)", "A tenth more", show=False, key_display="+", tooltip="try a tenth more"),
        Binding("c", "sides", "Changing", tooltip="the messages that the threshold tried would judge otherwise"),
        Binding("m", "messages", "Messages", tooltip="the messages that were scored; Enter tells the story of one"),
        Binding(
            "f", "reports", "Reported", tooltip="good mail that was marked, and spam that was not, as people report"
        ),
        Binding("h", "span", "Span", tooltip="an hour, a day, a week"),
        Binding("escape", "leave", "Back", key_display="Esc", tooltip="the threshold in force again; then back"),
    ]

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._hours = 24
        self._tried: float | None = None  # None: the one in force
        self._trial: SpamTrial | None = None
        self._following = False

    def compose(self) -> ComposeResult:
        """Title, what needs attention, plots, reasons, what the threshold would do, keys."""
        yield Title("viruses", "spam")
        yield Banner()
        yield Progress()
        yield Words(id="state")
        yield Volume()
        with Container(id="below"):
            yield Panel(id="scores")
            yield Panel(id="reasons")
        yield Words(id="nothing")
        yield Words(id="trial")
        yield Keys()

    # -- showing

    async def ask(self) -> Any:
        """Figures, scores, and what the threshold that is tried would do."""
        over_time = await self.link.ask(SpamFigures, "spam.figures", {"hours": self._hours, "parts": _PARTS})
        picture = await self.link.ask(SpamPicture, "spam.scores")
        trial = await self._ask_trial(over_time.threshold.value if self._tried is None else self._tried)
        return over_time, picture, trial

    async def _ask_trial(self, value: float) -> SpamTrial:
        return await self.link.ask(SpamTrial, "spam.try", {"threshold": f"{value:g}"})

    def show(self, snapshot: Any) -> None:
        """Draw it."""
        over_time: SpamFigures = snapshot[0]
        trial: SpamTrial = snapshot[2]
        if trial.threshold == self._value:
            self._trial = trial
        self.query_one("#state", Words).show(_state(over_time))
        self.query_one(Volume).show(over_time, _SPANS.get(over_time.hours, f"{over_time.hours} hours"))
        self.set_class(not over_time.kept, "-empty")
        self.query_one("#nothing", Words).show(Text(_nothing(over_time)))
        self._draw(snapshot[1])

    def _draw(self, picture: SpamPicture) -> None:
        """What the threshold that is tried changes in the picture."""
        value = self._value
        self.query_one("#scores", Panel).show(lambda width, height: histogram(picture, value, width, height))
        self.query_one("#reasons", Panel).show(lambda width, height: _reasons(picture.reasons, width, height))
        if self._trial is not None:
            self.query_one("#trial", Words).show(_would(self._trial))
        self.refresh_bindings()

    @property
    def _value(self) -> float:
        """The threshold that is tried; the one in force to begin with."""
        if self._tried is not None or self.snapshot is None:
            return self._tried or 0.0
        found: float = self.snapshot[0].threshold.value
        return found

    # -- trying

    def action_move(self, tenths: int) -> None:
        """Another threshold; nothing is changed by it."""
        if self.snapshot is None or not self.snapshot[0].kept:
            return
        moved = max(_LEAST, min(_MOST, round(self._value * 10) + tenths)) / 10
        self._try(None if moved == self.snapshot[0].threshold.value else moved)

    def _try(self, value: float | None) -> None:
        self._tried = value
        self._draw(self.snapshot[1])
        if not self._following:
            self._following = True
            self.run_worker(self._follow(), group="try")

    async def _follow(self) -> None:
        """Ask until the answer is about the threshold that is tried: keys may be faster than the service."""
        try:
            while self._trial is None or self._trial.threshold != self._value:
                self._trial = await self._ask_trial(self._value)
        except MailError as error:
            self.post_message(self.Failed(str(error)))
        finally:
            self._following = False
        self._draw(self.snapshot[1])

    def action_leave(self) -> None:
        """The threshold in force again; then back."""
        if self._tried is not None:
            self._try(None)
        else:
            self.app.pop_screen()

    # -- setting

    def refusal(self, deed: Deed) -> str:
        """Nothing is set that is in force."""
        if reason := super().refusal(deed):
            return reason
        if self.snapshot is None or (self._tried is None and self.snapshot[0].threshold.author is None):
            return "Try another threshold first, with the arrows."
        return ""

    def perform(self, deed: Deed) -> None:
        """Ask with the numbers before the eyes; the file's threshold is offered too where it does not count."""
        if reason := self.refusal(deed):
            self.notify(safe(reason), severity="warning", markup=False)
            return
        threshold, ways = self.snapshot[0].threshold, []
        if self._tried is not None:
            ways.append(replace(_DEED, label=f"{self._tried:g} points", given={"value": f"{self._tried:g}"}))
        if threshold.author is not None:
            ways.append(replace(_DEED, label=f"The file's {threshold.file:g} points", given={"value": "default"}))
        numbers = f"{_would(self._trial).plain}\n\n" if self._trial is not None and self._tried is not None else ""
        advice = f"{numbers}It counts for the next message, in every worker; u undoes it."
        super().perform(
            replace(deed, label="Mark mail from another number of points on", ways=tuple(ways), advice=advice)
        )

    def acted(self) -> None:
        """What was tried is in force."""
        self._tried = None
        super().acted()

    # -- what lies behind

    def action_span(self) -> None:
        """The next length of time."""
        spans = list(_SPANS)
        self._hours = spans[(spans.index(self._hours) + 1) % len(spans)]
        self.action_refresh()

    def action_sides(self) -> None:
        """Who would be judged otherwise."""
        self.app.push_screen(Sides(self.link, self._value))

    def action_messages(self) -> None:
        """What was scored."""
        self.app.push_screen(Scored(self.link))

    def action_reports(self) -> None:
        """What people say of the mark."""
        self.app.push_screen(Reported(self.link))


def _nothing(over_time: SpamFigures) -> str:
    if not over_time.enabled:
        return "No mail has been scored yet, and none is: [spam] enabled is false in the settings."
    return "No mail has been scored yet. What strangers bring is; what our own users and networks send is not."


def _state(over_time: SpamFigures) -> Text:
    """What needs attention, then the threshold and who set it."""
    words = Text(no_wrap=True, overflow="ellipsis", style=ink.text)
    unscored, wrong = sum(over_time.unscored), over_time.false_positives
    if not over_time.enabled:
        words.append("▲ Nothing is scored: [spam] enabled is false. ", style=f"bold {ink.warn}")
    if unscored:
        words.append(
            f"▲ {figures.count(unscored)} passed unscored: the scorer was late or broken. ", style=f"bold {ink.bad}"
        )
    if wrong:
        good = (
            f"{figures.count(wrong)} good {'message was' if wrong == 1 else 'messages were'} marked, as people report"
        )
        words.append(f"▲ {good}. ", style=f"bold {ink.warn}")
    if over_time.false_negatives:
        words.append(f"{figures.count(over_time.false_negatives)} of spam reported as missed. ", style=ink.text)
    if not words:
        words.append("● Nothing needs attention: no report of a wrong mark, nothing unscored.", style=ink.good)
    threshold = over_time.threshold
    words.append(f"\nMail is marked from {threshold.value:g} points on", style=f"not bold {ink.text}")
    if threshold.author is None:
        return words.append(", as the settings file says.", style=f"not bold {ink.muted}")
    by = f"set here by {safe(threshold.author, 64)} {figures.since(threshold.since, over_time.time)} ago"
    return words.append(f" (the file's {threshold.file:g} does not count): {by}.", style=f"not bold {ink.muted}")


def _would(trial: SpamTrial) -> Text:
    """What the threshold that is tried would do, in two lines."""
    words = Text(no_wrap=True, overflow="ellipsis", style=ink.text)
    number = f"the last {trial.number:,} messages"
    if trial.threshold == trial.in_force:
        words.append(f"{trial.in_force:g} points: {trial.marked:,} of {number} are spam.", style=f"bold {ink.text}")
        words.append("  ← → try another threshold", style=f"not bold {ink.muted}")
    else:
        words.append(f"With {trial.threshold:g}: {trial.would:,} of {number} are spam", style=f"bold {ink.accent}")
        words.append(f", {trial.marked:,} with {trial.in_force:g}: ", style=f"not bold {ink.text}")
        words.append(f"{trial.gained:,} more, {trial.lost:,} fewer.", style=f"bold {ink.text}")
    reported = [
        f"reported as {kind}: {would} of {all_} right" + ("" if would == now else f" (now {now})")
        for kind, all_, now, would in (
            ("good", trial.ham, trial.ham_right, trial.ham_would),
            ("spam", trial.spam, trial.spam_right, trial.spam_would),
        )
        if all_
    ]
    line = "; ".join(reported) or "nobody has reported one of these; `mailconsole spam learn` does"
    return words.append(f"\n{line[:1].upper()}{line[1:]}.", style=f"not bold {ink.muted}")


def _reasons(reasons: tuple[SpamWeight, ...], width: int, height: int) -> RenderableType:
    """A line a reason: how often, and how many points each time."""
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 0, 0, 1), header_style="none")
    heading = "Reasons that weigh most"
    table.add_column(Text(heading, style=ink.heading), ratio=1, no_wrap=True, overflow="ellipsis")
    for title in ("marked", "points", "others", "points"):
        table.add_column(Text(title, style=ink.muted), justify="right", no_wrap=True, width=7)
    for one in reasons[: max(1, height - 1)]:
        table.add_row(
            Text(safe(one.name, 64), style=ink.text),
            Text(figures.count(one.marked), style=ink.warn if one.marked else ink.faint),
            _each(one.marked_points, one.marked),
            Text(figures.count(one.clean), style=ink.good if one.clean else ink.faint),
            _each(one.clean_points, one.clean),
        )
    return table


def _each(points: float, number: int) -> Text:
    return Text(f"{points / number:+.1f}" if number else "", style=ink.muted)
