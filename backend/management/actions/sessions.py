"""Sessions: who is here, and who shall not be any longer."""

from __future__ import annotations

from typing import Annotated

from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.sessions import SessionList, SessionRow
from backend.store import operators


@action("session.list", roles=(POSTMASTER, AUDITOR))
def session_list(call: Call) -> SessionList:
    """List the operators who are logged in."""
    return SessionList(_rows(call))


@action("session.end", roles=(), changes=True, dangerous=True, key="d")
def session_end(call: Call, id: Annotated[str, "of the session"]) -> SessionRow:  # noqa: A002  its name in the contract
    """End a session at once; its operator may log in again."""
    row = next((one for one in _rows(call) if one.id == id), None)
    if row is None or call.sessions is None:
        raise BadInput(f"There is no session {id[:60]!r}; `mailconsole session list` shows them.")
    before = {"operator": row.operator, "kind": row.kind, "origin": row.origin, "started": row.started}
    ended: SessionRow = call.change(lambda _: Change(row, before=before))
    call.sessions.end(id)
    return ended


def _rows(call: Call) -> tuple[SessionRow, ...]:
    if call.sessions is None:
        return ()
    roles = {one.name: one.role for one in call.store.read(operators.everybody)}
    return call.sessions.rows(roles)
