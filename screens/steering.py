"""Hold, release, retry and delete from a screen: the ids are fixed first, then asked about, then sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual.screen import Screen

from backend.errors import MailError
from backend.management.snapshots import Affected, QueueRow, from_json
from screens.confirm import Choice, Confirm
from screens.link import Link

_AT_ONCE = 2_000  # ids in one request
_DONE = {"hold": "held", "release": "released", "retry": "due now", "delete": "deleted"}
_UNDO = {"hold": "release", "release": "hold"}
NOTICE = "The postmaster of this host removed the message from the queue."


@dataclass(frozen=True, slots=True)
class Order:
    """One act on entries that are named one by one: nothing that comes into the queue later is meant."""

    verb: str
    rows: tuple[QueueRow, ...]
    notice: str | None = None


def reason_against(link: Link, verb: str) -> str:
    """Why the caller may not do it; empty when it may."""
    action = link.action(f"queue.{verb}")
    if action is None:
        return "The service does not answer." if link.hello is None else "The service knows no such action."
    return "" if action.allowed else action.reason


def question(rows: Sequence[QueueRow]) -> Confirm:
    """The dialog before a delete."""
    number = len(rows)
    what = "this entry" if number == 1 else f"{number} entries"
    return Confirm(
        f"Delete {what} from the queue?",
        [f"{row.id}  {row.sender or '<>'} → {row.recipient}" for row in rows],
        [
            Choice("hold", "Hold instead", "primary"),
            Choice("delete", "Delete", "error"),
            Choice("tell", "Delete, tell"),
        ],
        "Deleting cannot be undone. Hold stops delivery and keeps the mail. “Delete, tell” sends the senders a notice.",
    )


def decided(order: Order, answer: str | None) -> Order | None:
    """What the answer to `question` makes of an order."""
    if answer == "hold":
        return Order("hold", order.rows)
    if answer == "delete":
        return order
    return Order("delete", order.rows, NOTICE) if answer == "tell" else None


async def carry_out(link: Link, order: Order) -> tuple[str, Order | None]:
    """Send it; a sentence on what came of it, and the order that would undo it. Raises MailError."""
    affected = missed = 0
    done: set[str] = set()
    for start in range(0, len(order.rows), _AT_ONCE):
        ids = [row.id for row in order.rows[start : start + _AT_ONCE]]
        arguments: dict[str, Any] = {"ids": ids}
        if order.notice is not None:
            arguments["notice"] = order.notice
        answer = from_json(Affected, await link.call(f"queue.{order.verb}", arguments))
        affected += answer.affected
        missed += len(ids) - answer.affected
        done |= set(answer.ids) if answer.affected <= len(answer.ids) else set(ids)
    sentence = f"{affected} {'entry' if affected == 1 else 'entries'} {_DONE[order.verb]}"
    if missed:
        sentence += f", {missed} left alone (gone, being delivered, or in no state for it)"
    undo = _UNDO.get(order.verb)
    back = tuple(row for row in order.rows if row.id in done)
    if undo is None or not back:
        return f"{sentence}.", None
    return f"{sentence}; u undoes it.", Order(undo, back)


def steer(screen: Screen[None], link: Link, order: Order) -> None:
    """The whole way from a key to its result, for a screen with `after_order(undo)`."""
    if reason := reason_against(link, order.verb):
        screen.notify(reason, severity="warning", markup=False)
        return
    if not order.rows:
        screen.notify("There is no entry here.", severity="warning", markup=False)
        return

    async def act(agreed: Order) -> None:
        try:
            sentence, undo = await carry_out(link, agreed)
        except MailError as error:
            screen.notify(str(error), severity="error", markup=False)
            return
        screen.notify(sentence, markup=False)
        screen.after_order(undo)  # type: ignore[attr-defined]

    def answered(answer: str | None) -> None:
        agreed = decided(order, answer)
        if agreed is not None:
            screen.run_worker(act(agreed), group="steer")

    if order.verb == "delete":
        screen.app.push_screen(question(order.rows), answered)
    else:
        screen.run_worker(act(order), group="steer")
