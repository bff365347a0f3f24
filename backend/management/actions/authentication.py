"""What checks found: over time, and of which domains."""

from __future__ import annotations

from typing import Annotated

from backend import clock
from backend.errors import BadInput
from backend.management.registry import Call, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.authentication import CheckSeries, DomainRow, DomainRows, Figures
from backend.store import findings

_HOURS = 7 * 24
_PARTS = 240
_DAYS = 400
_ROWS = 1_000
_OTHERS = ("virus",)  # figures that have an action of their own
CHECKS = ("reverse dns", "spf", "dkim", "dmarc", "arc")  # these say pass and fail; others have figures too


@action("authentication.figures", roles=(POSTMASTER, AUDITOR))
def figures(
    call: Call,
    hours: Annotated[int, "how far back, up to a week"] = 24,
    parts: Annotated[int, "into how many equal parts the time is cut"] = 60,
) -> Figures:
    """Show what checks found of incoming mail over time: SPF, DKIM, DMARC and others."""
    if not 1 <= hours <= _HOURS or not 1 <= parts <= _PARTS:
        raise BadInput(f"hours is 1 to {_HOURS}, and parts 1 to {_PARTS}.")
    now = clock.now()
    found = call.store.read(lambda reader: findings.series(reader, now - hours * 3_600 + 60, now, parts))
    rows = []
    for name, numbers in sorted(found.items(), key=lambda item: _place(item[0])):
        check, _, value = name.partition(".")
        if check in _OTHERS:
            continue
        rows.append(CheckSeries(check, value, tuple(numbers)))
    return Figures(clock.rfc3339(now), hours, tuple(rows))


def _place(name: str) -> tuple[int, str]:
    check = name.partition(".")[0]
    return (CHECKS.index(check) if check in CHECKS else len(CHECKS), name)


@action("authentication.domains", roles=(POSTMASTER, AUDITOR))
def domains(
    call: Call,
    check: Annotated[str, "as in spf, dkim, dmarc"] = "dmarc",
    value: Annotated[str, "as in pass, fail, none"] = "fail",
    days: Annotated[int, "how many days back"] = 7,
    limit: Annotated[int, "how many domains at the most"] = 50,
) -> DomainRows:
    """Show of which domains a check found something most often: which fail most toward us."""
    if not 1 <= days <= _DAYS or not 1 <= limit <= _ROWS:
        raise BadInput(f"days is 1 to {_DAYS}, and limit 1 to {_ROWS}.")
    since = clock.now() - (days - 1) * 86_400
    found = call.store.read(lambda reader: findings.domains(reader, check, value, since, limit))
    return DomainRows(check, value, days, tuple(DomainRow(one.domain, one.number) for one in found))
