"""The service at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One process of the service."""

    role: str
    slot: int
    pid: int | None
    state: str  # running, restarting
    started: str
    restarts: int
    memory_bytes: int  # resident


@dataclass(frozen=True, slots=True)
class QueueTotals:
    """The queue by state."""

    new: int = 0
    active: int = 0
    deferred: int = 0
    held: int = 0
    total: int = 0
    oldest: str | None = None


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """One domain's share of the queue."""

    domain: str
    total: int
    deferred: int
    held: int
    next: str | None = None  # when it is tried next


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """What happened in the minute that begins at `time`."""

    time: str
    accepted: int = 0
    delivered: int = 0
    relayed: int = 0
    deferred: int = 0
    rejected: int = 0
    bounced: int = 0


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that holds the store. `store_bytes` is the database without the large bodies."""

    path: str
    total_bytes: int
    free_bytes: int
    store_bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """The service at one moment."""

    version: str
    hostname: str
    domain: str
    service: str  # running, stopped
    time: str
    roles: tuple[RoleRow, ...]
    queue: QueueTotals
    destinations: tuple[DestinationRow, ...]
    minutes: tuple[MinuteRow, ...]  # the last hour, oldest first
    disk: Disk
