"""Deletions, and what takes them back."""

from __future__ import annotations

from typing import Annotated

from backend import clock
from backend.delivery.wake import Wake
from backend.errors import BadInput, Denied
from backend.management import undoing
from backend.management.registry import Call, Change, action, find
from backend.management.roles import AUDITOR, POSTMASTER, refusal
from backend.management.snapshots.undo import DeletionPage, DeletionRow, Undone
from backend.store import deletions
from backend.store.database import Reader, Transaction
from backend.store.deletions import Filter


@action("deletions", roles=(POSTMASTER, AUDITOR))
def list_deletions(
    call: Call,
    part: Annotated[str, "only deletions with this in what was deleted, the user or the action", "place"] = "",
    user: Annotated[str | None, "only what this operator or user deleted"] = None,
    what: Annotated[str | None, "only by this action, or this group of them: queue, user.delete"] = None,
    limit: Annotated[int, "how many at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> DeletionPage:
    """List what was deleted and can be put back, the newest first."""
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    wanted = Filter(part, user, what)

    def page(reader: Reader) -> DeletionPage:
        rows = tuple(
            DeletionRow(
                f"U{one.id}",
                clock.rfc3339(one.time),
                clock.rfc3339(one.until),
                one.actor,
                one.action,
                one.summary,
            )
            for one in deletions.latest(reader, wanted, limit, offset)
        )
        return DeletionPage(rows, deletions.number(reader, wanted), offset)

    return call.store.read(page)


@action("undo", roles=(POSTMASTER,), changes=True)
def undo(call: Call, id: Annotated[str, "as the deletion said: U17"]) -> Undone:  # noqa: A002  its name in the contract
    """Put back what was deleted; a notice that was sent stays sent."""
    batch = undoing.number(id)
    known = call.store.read(lambda reader: deletions.find(reader, batch))
    if known is None or known.until < clock.now():
        raise BadInput(f"U{batch} cannot be undone: it was already, or its time is over. See `mailconsole deletions`.")
    if reason := refusal(call.caller.role, find(known.action).roles):
        raise Denied(reason)

    def piece(transaction: Transaction) -> Change:
        return Change(deletions.put_back(transaction, batch), after={"id": f"U{batch}", "summary": known.summary})

    total = 0
    while number := call.change(piece) if total == 0 else call.store.write(lambda t: deletions.put_back(t, batch)):
        total += number
    Wake(call.settings.site.run).ring()
    return Undone(f"U{batch}", known.summary, total)
