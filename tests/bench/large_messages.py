"""20 sessions that send 100 MB each at once: how much more memory all roles take than before."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.load import BenchSite, smtp_source
from tests.bench.memory import Peak, resident
from tests.bench.table import Row
from tests.harness.waiting import until

_SESSIONS = 20
_SIZE = 104_000_000  # and its header: just below the limit of 104,857,600


def measure(folder: Path, runs: int) -> list[Row]:
    """MB of growth. Each run has a new service: memory that was taken once often stays."""
    growth = []
    for run in range(runs):
        with BenchSite(folder / f"site{run}", ["bob"]) as site:
            site.start()
            smtp_source(site.smtp, f"bob@{site.domain}", messages=40, sessions=_SESSIONS)  # everything is loaded
            time.sleep(1)
            before = resident(site)
            with Peak(site) as peak:
                smtp_source(site.smtp, f"bob@{site.domain}", messages=_SESSIONS, sessions=_SESSIONS, size=_SIZE)
            until(lambda site=site: site.messages("bob") == 40 + _SESSIONS, within=10)  # type: ignore[misc]
            growth.append(peak.most - before)
    return [Row("memory: growth while 20 sessions send 100 MB each", "MB", growth, under=100)]
