"""The service at a glance."""

from __future__ import annotations

import json
import os
from pathlib import Path

import backend
from backend import clock
from backend.config import Settings
from backend.management.registry import Call, action
from backend.management.roles import EVERYBODY
from backend.management.snapshots.status import DestinationRow, Disk, MinuteRow, QueueTotals, RoleRow, Status
from backend.store import queue, statistics
from backend.store.database import Reader

_HOUR = 3_600
_PAGE = os.sysconf("SC_PAGE_SIZE")


@action("status", roles=EVERYBODY)
def status(call: Call) -> Status:
    """Show the service: its roles, the queue, the last hour, the disk."""
    site, now = call.settings.site, clock.now()
    roles = _roles(call.settings)

    def snapshot(reader: Reader) -> Status:
        totals, oldest = queue.totals(reader), queue.oldest(reader)
        return Status(
            version=backend.__version__,
            hostname=site.hostname,
            domain=site.domain,
            service="running" if any(role.state == "running" for role in roles) else "stopped",
            time=clock.rfc3339(now),
            roles=roles,
            queue=QueueTotals(**totals, oldest=None if oldest is None else clock.rfc3339(oldest)),
            destinations=tuple(
                DestinationRow(
                    to.domain,
                    to.total,
                    to.deferred,
                    to.held,
                    None if to.due >= queue.HELD else clock.rfc3339(max(to.due, now)),
                )
                for to in queue.destinations(reader)
            ),
            minutes=tuple(
                MinuteRow(clock.rfc3339(minute), **figures)
                for minute, figures in statistics.minutes(reader, now - _HOUR + 60, now)
            ),
            disk=_disk(site.data),
        )

    return call.store.read(snapshot)


def _roles(settings: Settings) -> tuple[RoleRow, ...]:
    """What the supervisor wrote down, as far as it is still true."""
    try:
        rows = json.loads((settings.site.run / "roles.json").read_text())
    except (OSError, ValueError):
        return ()
    found = []
    for row in rows:
        memory = _memory(row["pid"]) if row["pid"] else None
        if memory is None and row["state"] == "running":
            row["state"], row["pid"] = "stopped", None
        found.append(RoleRow(**row, memory_bytes=memory or 0))
    return tuple(found)


def _memory(pid: int) -> int | None:
    """Resident bytes of a process of ours; None when there is none: a crash leaves its number to others."""
    folder = Path("/proc", str(pid))
    try:
        ours = b"mailconsole" in (folder / "cmdline").read_bytes()
        return int((folder / "statm").read_text().split()[1]) * _PAGE if ours else None
    except (OSError, IndexError):
        return None


def _disk(folder: Path) -> Disk:
    disk = os.statvfs(folder)
    own = sum(path.stat().st_size for path in folder.glob("mail.db*"))
    return Disk(str(folder), disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize, own)
