"""The audit log."""

from __future__ import annotations

from typing import Annotated

from backend import clock
from backend.errors import BadInput
from backend.management.registry import Call, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.audit import AuditPage, AuditProof, AuditRow
from backend.store import anchor as anchors
from backend.store import audit
from backend.store.audit import Filter, Record
from backend.store.database import Reader


@action("audit-log.list", roles=(POSTMASTER, AUDITOR))
def audit_list(
    call: Call,
    part: Annotated[str, "only rows with this in the user, the action, its arguments or the reason", "place"] = "",
    user: Annotated[str | None, "only what this operator or user did"] = None,
    what: Annotated[str | None, "only this action, or this group of them: queue, user.reset"] = None,
    failed: Annotated[bool, "only what was refused or failed"] = False,
    older_than: Annotated[int | None, "only rows that are older, as in 2h", "span"] = None,
    newer_than: Annotated[int | None, "only rows that are newer, as in 10m", "span"] = None,
    before: Annotated[int | None, "only rows before this one"] = None,
    limit: Annotated[int, "how many rows at the most"] = 50,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> AuditPage:
    """List who changed what, the newest first."""
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    now = clock.now()
    wanted = Filter(
        part=part,
        actor=user,
        action=what,
        failed=failed,
        until=None if older_than is None else now - older_than,
        since=None if newer_than is None else now - newer_than,
        before=before,
    )

    def page(reader: Reader) -> AuditPage:
        rows = tuple(map(_row, audit.find(reader, wanted, limit, offset)))
        return AuditPage(rows, audit.number(reader, wanted), offset)

    return call.store.read(page)


@action("audit-log.verify", roles=(POSTMASTER, AUDITOR))
def audit_verify(
    call: Call,
    anchor: Annotated[str, "what an earlier proof or the log named, as in 17:9f3c...: it must be there"] = "",
) -> AuditProof:
    """Prove that no row of the audit log was changed, taken out or cut off."""
    given = anchors.parse(anchor)
    if anchor and given is None:
        raise BadInput("An anchor is the number of a row, a colon and its hash of 64 characters.")
    # It is read first: rows that are written meanwhile are behind it.
    known = [one for one in (anchors.read(call.settings.site.data), given) if one is not None]
    proof = call.store.read(lambda reader: audit.verify(reader, known))
    return AuditProof(proof.rows, proof.broken, proof.missing, str(proof.last or ""))


def _row(record: Record) -> AuditRow:
    return AuditRow(
        id=record.id,
        time=clock.rfc3339(record.time),
        user=record.actor,
        role=record.role,
        origin=record.origin,
        key=record.key,
        action=record.action,
        arguments=record.arguments,
        before=record.before,
        after=record.after,
        why=record.reason,
        outcome=record.outcome,
        hash=record.hash,
    )
