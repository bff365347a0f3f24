"""A look into messages of the queue: each one is a row of the audit log."""

from __future__ import annotations

from typing import Annotated

from backend.content import reading
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import POSTMASTER
from backend.management.snapshots.reading import HeaderRow, MessageHeaders, MessageText, PartRow
from backend.store import bodies, queue
from backend.store.database import Reader

_LOOKED_AT = 256 * 1024  # bytes: enough to decide on a message, and done at once
Id = Annotated[str, "of an entry or a message"]


def _start(call: Call, identity: str, *, held: bool = False) -> tuple[bytes, bool]:
    """The first bytes of the message, and whether that is all of it."""

    def load(reader: Reader) -> tuple[bytes, bool]:
        found = queue.entries(reader, [identity])
        if not found:
            raise BadInput(f"No entry in the queue has the id {identity[:60]!r}.")
        if held and not any(entry.state == "held" for entry in found):
            raise BadInput("Only a held message can be read; hold it first: it may be on its way already.")
        body = bodies.load(reader, call.settings.site.data, found[0].message)
        assert body is not None, "a queue entry counts as a reference of its message"
        return body.start(_LOOKED_AT), body.size <= _LOOKED_AT

    return call.store.read(load)


@action("queue.headers", roles=(POSTMASTER,), changes=True, key="H")
def headers(call: Call, id: Id) -> MessageHeaders:  # noqa: A002  its name in the contract
    """Show the header fields of a message; the audit log has who looked."""
    data, _ = _start(call, id)
    rows, cut = reading.fields(data)
    answer = MessageHeaders(id, tuple(HeaderRow(name, value) for name, value in rows), cut)
    call.change(lambda _: Change(None, after={"looked": "headers"}))
    return answer


@action("queue.read", roles=(POSTMASTER,), changes=True, reason=True, key="o")
def read(call: Call, id: Id) -> MessageText:  # noqa: A002  its name in the contract
    """Show the text of a held message; the audit log has who read it, and why."""
    data, whole = _start(call, id, held=True)
    found = reading.text(data)
    parts = tuple(PartRow(part.kind, part.name, part.size, part.depth) for part in found.parts)
    call.change(lambda _: Change(None, after={"looked": "text"}))
    return MessageText(id, found.words, found.source, parts, found.cut or not whole)
