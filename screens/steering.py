"""Hold, release, retry and delete from a screen: the ids are fixed first, then asked about, then sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType

from backend.errors import BadInput, MailError
from backend.management.snapshots.queue import Affected, QueueRow
from screens.confirm import Choice, Confirm
from screens.link import Link
from screens.live import Live

_AT_ONCE = 100  # ids in one request: as many as an answer names, so that undo means exactly what was changed
_DONE = {"hold": "held", "release": "released", "retry": "due now", "delete": "deleted"}
_UNDO = {"hold": "release", "release": "hold"}
NOTICE = "The postmaster of this host removed the message from the queue."


@dataclass(frozen=True, slots=True)
class Order:
    """One act on entries that are named one by one: nothing that comes into the queue later is meant."""

    verb: str
    rows: tuple[QueueRow, ...]
    notice: str | None = None


class Steering:
    """Carries orders out, and remembers the order that would undo the last one."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.undo: Order | None = None

    def refusal(self, verb: str) -> str:
        """Why the caller may not do it; empty when it may."""
        action = self._link.action(f"queue.{verb}")
        if action is None:
            return "The service does not answer." if self._link.hello is None else "The service knows no such action."
        return "" if action.allowed else action.refusal

    async def carry_out(self, order: Order) -> str:
        """Send it; a sentence on what came of it. Raises MailError when nothing did."""
        done: set[str] = set()
        trouble = ""
        for start in range(0, len(order.rows), _AT_ONCE):
            arguments: dict[str, Any] = {"ids": [row.id for row in order.rows[start : start + _AT_ONCE]]}
            if order.notice is not None:
                arguments["notice"] = order.notice
            try:
                done |= set((await self._link.ask(Affected, f"queue.{order.verb}", arguments)).ids)
            except BadInput:  # none of them is there any more
                continue
            except MailError as error:
                if not done:
                    raise
                trouble = f"; then: {error}"
                break
        sentence = f"{len(done):,} {'entry' if len(done) == 1 else 'entries'} {_DONE[order.verb]}"
        missed = len(order.rows) - len(done)
        if missed and not trouble:
            sentence += f"; {missed:,} left alone: gone, being delivered, or in no state for it"
        if order.verb in _UNDO and done:
            self.undo = Order(_UNDO[order.verb], tuple(row for row in order.rows if row.id in done))
            sentence += "; u undoes it"
        return f"{sentence}{trouble or '.'}"


def question(rows: Sequence[QueueRow]) -> Confirm:
    """The dialog before a delete."""
    number = len(rows)
    return Confirm(
        f"Delete {'this entry' if number == 1 else f'these {number:,} entries'} from the queue?",
        [f"{row.id}  {row.sender or '<>'} → {row.recipient}" for row in rows],
        [
            Choice("hold", "Hold instead", "primary"),
            Choice("delete", "Delete", "error"),
            Choice("tell", "Delete and tell sender", "error"),
        ],
        "A delete cannot be undone. Hold stops the delivery, keeps the mail, and can be released.",
    )


def decided(order: Order, answer: str | None) -> Order | None:
    """What the answer to `question` makes of an order to delete."""
    if answer == "hold":
        return Order("hold", order.rows)
    if answer == "delete":
        return order
    return Order("delete", order.rows, NOTICE) if answer == "tell" else None


class Steered(Live):
    """A screen with entries to act on. Subclasses say which are `chosen`; the service says which keys it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "steer('hold')", "Hold", id="queue.hold"),
        Binding("l", "steer('release')", "Release", id="queue.release"),
        Binding("t", "steer('retry')", "Retry", id="queue.retry"),
        Binding("d", "steer('delete')", "Delete", id="queue.delete"),
        Binding("u", "undo", "Undo", tooltip="take the last hold or release back"),
    ]

    def __init__(self, link: Link, steering: Steering) -> None:
        super().__init__(link)
        self.steering = steering

    @property
    def chosen(self) -> tuple[QueueRow, ...]:
        """The entries that the next act is for."""
        raise NotImplementedError

    def acted(self) -> None:
        """Something was done."""
        self.refresh_bindings()
        self.action_refresh()

    def action_steer(self, verb: str) -> None:
        """Act on what is chosen; a delete asks first."""
        order = Order(verb, self.chosen)
        if not order.rows:
            self.notify("There is no entry here.", severity="warning", markup=False)
        elif verb == "delete":
            self.app.push_screen(question(order.rows), lambda answer: self._send(decided(order, answer)))
        else:
            self._send(order)

    def action_undo(self) -> None:
        """Take the last hold or release back."""
        self._send(self.steering.undo)

    def _send(self, order: Order | None) -> None:
        if order is not None:
            self.run_worker(self._carry_out(order), group="steer")

    async def _carry_out(self, order: Order) -> None:
        try:
            sentence = await self.steering.carry_out(order)
        except MailError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(sentence, markup=False)
        self.acted()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that can do nothing now are not there; those of another role are dim."""
        if action == "undo":
            return self.steering.undo is not None
        if action == "steer":
            return None if self.steering.refusal(str(parameters[0])) else True
        return True

    def on_key(self, event: events.Key) -> None:
        """A dim key says why it is."""
        for verb in _DONE:
            action = self.link.action(f"queue.{verb}")
            if action is not None and action.key == event.character and not action.allowed:
                self.notify(action.refusal, severity="warning", markup=False)
