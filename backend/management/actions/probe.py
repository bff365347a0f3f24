"""The probe: EICAR and GTUBE through the running service, now; and what they have shown so far."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from backend import clock
from backend.errors import BadInput, Temporary
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.probe import ProbePage, ProbeRow, ProbeRun
from backend.store import probes
from backend.store.database import Store, Transaction
from backend.store.probes import Probe

if TYPE_CHECKING:
    from backend.delivery.probe.run import Run

_LONGEST = 25.0  # seconds; a request has 30


@action("probe.run", roles=(POSTMASTER,), changes=True)
def probe_run(call: Call) -> ProbeRun:
    """Send EICAR and GTUBE through the running service, in and out, and show whether they are found."""
    from backend.delivery.probe.run import run

    async def go() -> Run:
        store = Store.open(call.settings.site.data, call.settings.limits)
        try:
            async with asyncio.timeout(_LONGEST):
                return await run(call.settings, store)
        except TimeoutError:
            raise Temporary(f"The probe had no end within {_LONGEST:.0f} seconds; the trace has its letters.") from None
        finally:
            await asyncio.get_running_loop().run_in_executor(None, store.close)

    if call.sessions is None:
        raise Temporary("The service does not run, and the probe is about a running one.")
    done = asyncio.run(go())

    def keep(transaction: Transaction) -> Change:
        done.keep(transaction, call.settings)
        good = not any(one.wrong for one in done.found)
        answer = ProbeRun(tuple(map(_row, done.found)), done.notes, good)
        return Change(answer, after={one.name: one.outcome for one in done.found})

    answer: ProbeRun = call.change(keep)
    return answer


@action("probe.list", roles=(POSTMASTER, AUDITOR))
def probe_list(
    call: Call,
    limit: Annotated[int, "how many at the most"] = 50,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> ProbePage:
    """List what the letters of the probe have shown, the newest first."""
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    found = call.store.read(lambda reader: probes.latest(reader, limit, offset))
    return ProbePage(tuple(map(_row, found)))


def _row(one: Probe) -> ProbeRow:
    return ProbeRow(clock.rfc3339(one.time), one.direction, one.what, one.outcome, one.words)
