"""All roles with nothing to do: their memory together."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.load import BenchSite
from tests.bench.memory import resident
from tests.bench.table import Row


def measure(folder: Path, runs: int) -> list[Row]:
    """MB, ten seconds after the start."""
    with BenchSite(folder / "site") as site:
        site.start()
        time.sleep(10)
        return [Row("memory: all roles together, idle", "MB", [resident(site) for _ in range(runs)], under=250)]
