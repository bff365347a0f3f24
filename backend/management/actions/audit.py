"""The audit log."""

from __future__ import annotations

from typing import Annotated, Any

from backend import clock
from backend.management.registry import Call, action
from backend.management.roles import EVERYBODY
from backend.store import audit
from backend.store.audit import Record


@action("audit-log.list", roles=EVERYBODY)
def audit_list(
    call: Call,
    part: Annotated[str, "only rows with this in the user, the action or its arguments", "place"] = "",
    limit: Annotated[int, "how many rows at the most"] = 50,
    before: Annotated[int | None, "only rows before this one"] = None,
) -> dict[str, Any]:
    """List who changed what, the newest last."""
    found = call.store.read(lambda reader: audit.find(reader, part, max(1, min(limit, 1_000)), before))
    return {"records": [_row(record) for record in reversed(found)]}


@action("audit-log.verify", roles=EVERYBODY)
def audit_verify(call: Call) -> dict[str, Any]:
    """Prove that no row of the audit log was changed or taken out."""
    count, broken = call.store.read(audit.verify)
    return {"rows": count, "broken": broken}


def _row(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "time": clock.rfc3339(record.time),
        "user": record.actor,
        "role": record.role,
        "origin": record.origin,
        "key": record.key,
        "action": record.action,
        "arguments": record.arguments,
        "before": record.before,
        "after": record.after,
        "why": record.reason,
        "outcome": record.outcome,
        "hash": record.hash,
    }
