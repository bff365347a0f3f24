"""A screen that acts: the rows are fixed first, then asked about, then sent, so that no other row is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding

from backend.errors import BadInput, MailError
from screens.ask import WHY, Ask, Field
from screens.confirm import Choice, Confirm
from screens.deed import Deed, Undoing
from screens.link import Link
from screens.live import Live
from screens.text import safe
from screens.widgets.progress import Progress

_AT_ONCE = 100  # ids in one request: as many as an answer names, so that undo means exactly what was changed

R = TypeVar("R")


class Acting(Live, Generic[R]):
    """Subclasses have `deeds`, and say which rows are `chosen`. They yield a `Progress`."""

    deeds: ClassVar[tuple[Deed, ...]] = ()
    noun: ClassVar[tuple[str, str]] = ("row", "rows")

    def __init_subclass__(cls, **options: Any) -> None:
        """A key for each deed, and one to take the last one back."""
        keys = [
            Binding(deed.key, f"deed('{deed.action}')", deed.label, id=deed.action, show=not deed.quiet)
            for deed in cls.__dict__.get("deeds", ())
        ]
        if keys and all(key.key != "u" for key in keys):
            keys.append(Binding("u", "undo", "Undo", tooltip="take the last thing back"))
        cls.BINDINGS = [*keys, *cls.__dict__.get("BINDINGS", ())]
        super().__init_subclass__(**options)

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._working = self._stopped = False

    # -- what a subclass says

    @property
    def chosen(self) -> tuple[R, ...]:
        """The rows that the next deed is for."""
        raise NotImplementedError

    @property
    def alone(self) -> tuple[R, ...]:
        """The row under the cursor, or none."""
        return self.chosen[:1]

    def key_of(self, row: R) -> str:
        """What names the row to the service: by default its `id`."""
        return str(row.id)  # type: ignore[attr-defined]

    def label_of(self, row: R) -> str:
        """The row in one line of a dialog."""
        return self.key_of(row)

    def arguments(self, deed: Deed, row: R) -> dict[str, Any]:
        """The arguments of an action that takes one row a call."""
        return {deed.argument: self.key_of(row)}

    def prefill(self, deed: Deed, rows: Sequence[R]) -> Mapping[str, str]:
        """What stands in the fields to begin with."""
        return {}

    def answered(self, deed: Deed, answer: Any) -> None:
        """One call was answered (JSON): for what must be shown, such as a new password."""

    def acted(self) -> None:
        """Something was done."""
        self.refresh_bindings()
        self.action_refresh()

    # -- acting

    def action_deed(self, name: str) -> None:
        """Do what a key stands for."""
        self.perform(self._deed(name))

    def _deed(self, name: object) -> Deed:
        return next(deed for deed in self.deeds if deed.action == name)

    def perform(self, deed: Deed) -> None:
        """Fix the rows, ask what is to be asked, and send it."""
        rows = () if not deed.argument else self.alone if deed.alone else self.chosen
        if self._working:
            self.notify("Something is still at work; Esc stops it.", severity="warning", markup=False)
        elif deed.argument and not rows:
            self.notify(f"There is no {self.noun[0]} here.", severity="warning", markup=False)
        else:
            self.run_worker(self._perform(deed, rows), group="deed")

    async def _perform(self, deed: Deed, rows: Sequence[R]) -> None:
        row = self.link.action(deed.action)
        fields = (*deed.fields, WHY) if row is not None and row.reason else deed.fields
        typed, trouble = self.prefill(deed, rows), ""
        while True:
            if fields:
                again = await self.app.push_screen_wait(Ask(self._title(deed, rows), fields, typed, trouble))
                if again is None:
                    return
                typed = again
            way: Deed | None = deed
            if deed.ways or (row is not None and row.dangerous):
                way = await self._confirmed(deed, rows)
            if way is None:
                return
            try:
                sentence = await self._carry_out(way, rows, {**way.given, **_read(fields, typed)})
            except MailError as error:
                trouble = str(error)
                if fields:
                    continue
                self.notify(safe(trouble), severity="error", markup=False)
                return
            self.notify(safe(sentence), markup=False)
            self.acted()
            return

    def _title(self, deed: Deed, rows: Sequence[R]) -> str:
        if not rows:
            return f"{deed.label} {self.noun[0]}"
        return f"{deed.label}: {self.label_of(rows[0]) if len(rows) == 1 else self._number(len(rows))}"

    async def _confirmed(self, deed: Deed, rows: Sequence[R]) -> Deed | None:
        """Which way the person chose; None for Cancel. What the role may not do is not offered."""
        ways = {way.label: way for way in deed.ways or (deed,) if not self.refusal(way)}
        choices = [Choice(f"way-{number}", way.label, way.style) for number, way in enumerate(ways.values())]
        which = f" {'this ' + self.noun[0] if len(rows) == 1 else 'these ' + self._number(len(rows))}" if rows else ""
        sample = [self.label_of(row) for row in rows]
        answer = await self.app.push_screen_wait(Confirm(f"{deed.label}{which}?", sample, choices, deed.advice))
        return None if answer is None else list(ways.values())[int(answer.removeprefix("way-"))]

    async def _carry_out(self, deed: Deed, rows: Sequence[R], given: dict[str, Any]) -> str:
        """Send it, piece by piece; a sentence on what came of it. Raises MailError when nothing did."""
        done, trouble, undo = 0, "", list[tuple[str, dict[str, Any]]]()
        refused: BadInput | None = None
        pieces = self._pieces(deed, rows)
        self._working, self._stopped = True, False
        try:
            for number, (arguments, size) in enumerate(pieces):
                if self._stopped:
                    trouble = "; stopped there"
                    break
                if number or deed.slow:
                    self.query_one(Progress).show(deed.label, sum(part for _, part in pieces[:number]), len(rows))
                try:
                    answer = await self.link.call(deed.action, {**given, **arguments})
                except BadInput as error:  # none of them is there any more
                    refused = error
                    continue
                except MailError as error:
                    if not done:
                        raise
                    trouble = f"; then: {error}"
                    break
                done += answer.get("affected", size)
                undo += _undo(deed, answer, arguments)
                self.answered(deed, answer)
        finally:
            self._working = False
            self.query_one(Progress).end()
        if refused is not None and not done:
            raise refused
        what = f"{self._subject(rows, done, given, deed)} {deed.done}"
        missed = len(rows) - done
        if missed > 0 and not trouble:
            what += f"; {missed:,} left alone: gone, or in no state for it"
        if undo:
            self.link.undoings.append(Undoing(what, tuple(undo)))
            trouble += "; u undoes it"
        return f"{what}{trouble}."

    def _pieces(self, deed: Deed, rows: Sequence[R]) -> list[tuple[dict[str, Any], int]]:
        """The arguments of each call, and how many rows it is for."""
        if not rows:
            return [({}, 1)]
        if not deed.many:
            return [(self.arguments(deed, row), 1) for row in rows]
        parts = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
        return [({deed.argument: [self.key_of(row) for row in part]}, len(part)) for part in parts]

    def _number(self, number: int) -> str:
        return f"{number:,} {self.noun[0] if number == 1 else self.noun[1]}"

    def _subject(self, rows: Sequence[R], done: int, given: dict[str, Any], deed: Deed) -> str:
        if not rows:
            return str(given.get(deed.fields[0].name, "")) if deed.fields else deed.label
        return self.key_of(rows[0]) if len(rows) == done == 1 else self._number(done)

    def stop(self) -> bool:
        """Stop what is at work behind the piece it is at; whether anything was."""
        self._stopped = self._working
        return self._working

    # -- taking back

    def action_undo(self) -> None:
        """Take the last deed back."""
        if self.link.undoings and not self._working:
            self.run_worker(self._undo(self.link.undoings.pop()), group="deed")

    async def _undo(self, undoing: Undoing) -> None:
        for number, (action, arguments) in enumerate(undoing.calls):
            try:
                await self.link.call(action, arguments)
            except MailError as error:
                if not isinstance(error, BadInput):  # it may go later
                    self.link.undoings.append(Undoing(undoing.what, undoing.calls[number:]))
                self.notify(safe(error), severity="error", markup=False)
                break
        else:
            self.notify(safe(f"Undone: {undoing.what}."), markup=False)
        self.acted()

    # -- keys

    def refusal(self, deed: Deed) -> str:
        """Why the caller may not do it, or it cannot be done now; empty when it may."""
        return self.link.refusal(deed.action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that can do nothing now are not there; those of another role are dim."""
        if action == "undo":
            return bool(self.link.undoings)
        if action == "deed":
            return None if self.refusal(self._deed(parameters[0])) else True
        return True

    def on_key(self, event: events.Key) -> None:
        """A dim key says why it is."""
        for deed in self.deeds:
            row = self.link.action(deed.action)
            if event.character == ((row and row.key) or deed.key) and (reason := self.refusal(deed)):
                self.notify(safe(reason), severity="warning", markup=False)


def _read(fields: Sequence[Field], typed: Mapping[str, str]) -> dict[str, Any]:
    """What the fields stand for; those that were left empty are not said."""
    values = {
        field.name: field.read(typed[field.name].strip() if not field.secret else typed[field.name]) for field in fields
    }
    return {name: value for name, value in values.items() if value is not None}


def _undo(deed: Deed, answer: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The calls that take one answered call back."""
    if answer.get("undo"):
        return [("undo", {"id": answer["undo"]})]
    if deed.undo and (ids := answer.get("ids", arguments.get(deed.argument))):
        return [(deed.undo, {deed.argument or "ids": ids})]
    return []
