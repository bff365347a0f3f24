"""The queue: look, hold, release, retry, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from backend import clock, ids
from backend.delivery.wake import Wake
from backend.errors import BadInput
from backend.management import undoing
from backend.management.actions.trace import event_of
from backend.management.registry import Call, Change, Parameter, action
from backend.management.roles import EVERYBODY, POSTMASTER
from backend.management.snapshots.queue import Affected, EntryView, QueuePage, QueueRow
from backend.store import messages, queue, trace
from backend.store.database import Reader, Transaction
from backend.store.queue import Entry, Filter

_PIECE = 2_000  # entries changed in one transaction: others must get their turn
_NAMED = 100  # ids in an answer

FILTER = (
    Parameter("state", str, "only entries in this state: new, active, deferred, held"),
    Parameter("domain", str, "only entries to this domain; * stands for anything"),
    Parameter("sender", str, "only entries from this address; * stands for anything"),
    Parameter("recipient", str, "only entries to this address; * stands for anything"),
    Parameter("message", str, "only entries of the message with this queue id"),
    Parameter("error", str, "only entries with this in their last error"),
    Parameter("older_than", int, "only entries that have waited longer, as in 4h", span=True),
    Parameter("newer_than", int, "only entries that have waited less, as in 10m", span=True),
)
MANY = (
    *FILTER,
    Parameter("all", bool, "every entry of the queue", default=False),
    Parameter("after", int, "go on behind this entry: the `next` of the answer before", inner=True),
)

_BATCH = Parameter("undo", str, "the `undo` of the answer before: this belongs to it", inner=True)


def filter_of(where: dict[str, Any]) -> Filter:
    """The store's filter of an action's arguments; BadInput for a value that cannot match."""
    now = clock.now()
    if where.get("state") not in (None, *queue.STATES):
        raise BadInput(f"There is no state {where['state']!r}; the states are {', '.join(queue.STATES)}.")
    message = None
    if where.get("message") is not None:
        message = ids.parse(where["message"])
        if message is None:
            raise BadInput(f"{where['message']!r} is not a queue id.")
    older, newer = where.get("older_than"), where.get("newer_than")
    return Filter(
        state=where.get("state"),
        domain=_lower(where.get("domain")),
        sender=where.get("sender"),
        recipient=where.get("recipient"),
        message=message,
        error=where.get("error"),
        older_than=None if older is None else now - older,
        newer_than=None if newer is None else now - newer,
    )


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def row_of(entry: Entry) -> QueueRow:
    """An entry as people see it. A leased one is active, and `due` is when it is tried next."""
    active = entry.lease is not None and entry.state != "held"
    return QueueRow(
        id=entry.id,
        message=ids.text(entry.message),
        sender=entry.sender,
        recipient=entry.recipient,
        domain=entry.domain,
        state="active" if active else entry.state,
        size=entry.size,
        received=clock.rfc3339(entry.received),
        due=None if entry.due >= queue.HELD else clock.rfc3339(entry.due or clock.now()),
        attempts=entry.attempts,
        error=entry.error,
    )


@action("queue.list", roles=EVERYBODY, takes=FILTER)
def list_entries(
    call: Call,
    sort: Annotated[str, "age, due or domain; with - in front the other way round"] = "age",
    limit: Annotated[int, "how many entries at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
    **where: Any,
) -> QueuePage:
    """List entries of the queue."""
    if sort not in queue.SORTS:
        raise BadInput(f"There is no order {sort!r}; choose from {', '.join(queue.SORTS)}.")
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    wanted = filter_of(where)

    def page(reader: Reader) -> QueuePage:
        found = queue.find(reader, wanted, sort, limit, offset)
        return QueuePage(tuple(map(row_of, found)), queue.number(reader, wanted), offset)

    return call.store.read(page)


@action("queue.show", roles=EVERYBODY)
def show(call: Call, id: Annotated[str, "of an entry or a message"]) -> EntryView:  # noqa: A002  its name in the contract
    """Show a message of the queue: envelope, recipients, last error, trace."""

    def view(reader: Reader) -> EntryView:
        found = queue.entries(reader, [id])
        envelope = messages.envelope(reader, found[0].message) if found else None
        if envelope is None:
            raise BadInput(f"No entry in the queue has the id {id[:60]!r}; `trace` knows those that are done.")
        name = ids.text(envelope.id)
        return EntryView(
            id=found[0].id if len(found) == 1 else name,
            message=name,
            sender=envelope.sender,
            received=clock.rfc3339(envelope.received),
            size=envelope.size,
            message_id=envelope.message_id,
            envid=envelope.envid,
            account=envelope.account,
            peer=envelope.peer,
            recipients=tuple(map(row_of, queue.entries(reader, [name])[:200])),
            events=tuple(map(event_of, trace.of_message(reader, envelope.id))),
        )

    return call.store.read(view)


@action("queue.hold", roles=(POSTMASTER,), changes=True, key="h", takes=MANY)
def hold(call: Call, ids: Annotated[list[str], "entries or messages"] = [], **where: Any) -> Affected:  # noqa: B006
    """Stop the delivery of entries until they are released."""
    return _steer(call, ids, where, queue.hold)


@action("queue.release", roles=(POSTMASTER,), changes=True, key="l", takes=MANY)
def release(call: Call, ids: Annotated[list[str], "entries or messages"] = [], **where: Any) -> Affected:  # noqa: B006
    """Let held entries go on."""
    return _steer(call, ids, where, queue.release)


@action("queue.retry", roles=(POSTMASTER,), changes=True, key="t", takes=MANY)
def retry(call: Call, ids: Annotated[list[str], "entries or messages"] = [], **where: Any) -> Affected:  # noqa: B006
    """Try entries again now; held ones stay held."""
    return _steer(call, ids, where, queue.retry)


@action("queue.delete", roles=(POSTMASTER,), changes=True, dangerous=True, key="d", takes=(*MANY, _BATCH))
def delete(
    call: Call,
    ids: Annotated[list[str], "entries or messages"] = [],  # noqa: B006
    notice: Annotated[str | None, "tell the senders, with this reason; that cannot be undone"] = None,
    **where: Any,
) -> Affected:
    """Remove entries from the queue; hold is the careful choice."""
    kept: list[dict[str, Any]] = []

    def change(transaction: Transaction, rows: Sequence[int]) -> list[int]:
        kept.clear()
        return queue.delete(transaction, rows, notice, kept)

    return _steer(call, ids, where, change, kept)


def _steer(
    call: Call,
    identities: Sequence[str],
    where: dict[str, Any],
    change: Callable[[Transaction, Sequence[int]], list[int]],
    kept: list[dict[str, Any]] | None = None,
) -> Affected:
    """Change the entries that ids or a filter name: one piece of them, the answer says where the next begins. `kept`:
    where `change` leaves what it took out, so that it can be put back.
    """
    everything, after = bool(where.pop("all")), where.pop("after") or 0
    batch = undoing.number(where.pop("undo", None) or "U0")
    wanted = filter_of(where)
    if identities and (everything or not wanted.empty):
        raise BadInput("Give ids or a filter, not both.")
    if not identities and wanted.empty and not everything:
        raise BadInput("An empty filter matches nothing. Give ids or a filter; all (--all) means every entry.")

    def operation(transaction: Transaction) -> Change:
        if identities:
            found = queue.entries(transaction, identities)
            if not found:
                raise BadInput(f"No entry in the queue has the id {identities[0][:60]!r}.")
            rows = list(dict.fromkeys(entry.row for entry in found))
        else:
            rows = queue.rows_of(transaction, wanted, after, _PIECE)
        names = queue.names(transaction, rows)
        changed = change(transaction, rows)
        more = rows[-1] if not identities and len(rows) == _PIECE else None
        some = tuple(names[row] for row in changed[:_NAMED])
        undo = None
        if kept:
            entries = "1 queue entry," if len(kept) == 1 else f"{len(kept):,} queue entries, as"
            summary = f"{entries} for {kept[0]['recipient']}"
            undo = call.keep(transaction, summary, {"queue": kept}, batch)
        return Change(
            Affected(len(changed), some, len(rows) - len(changed), more, undo),
            after={"affected": len(changed), "ids": list(some)},
        )

    affected: Affected = call.change(operation)
    Wake(call.settings.site.run).ring()
    return affected
