"""Memory of a service, process by process."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.site import Site

MB = 1_000_000
_EVERY = 0.1  # seconds between two looks


def resident(site: Site) -> float:
    """Memory of the supervisor and all roles in MB; what several of them share is counted once (Pss of proc(5))."""
    return sum(map(_share, site.pids())) / MB


def _share(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class Peak:
    """Watches a service while the block runs; `most` is the highest figure seen, in MB."""

    def __init__(self, site: Site) -> None:
        self.most = 0.0
        self._site = site
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self.most = max(self.most, resident(self._site))
