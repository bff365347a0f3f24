"""What management answers, as frozen values. Times are RFC 3339 in UTC, sizes bytes; None is "not known" or "never"."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One recipient's entry in the queue."""

    id: str
    message: str
    sender: str
    recipient: str
    domain: str
    state: str  # new, active, deferred, held
    size: int
    received: str
    due: str | None
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue. `total` counts what matches the filter, up to 100,000."""

    rows: tuple[QueueRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of the trace."""

    time: str
    stage: str
    verdict: str
    message: str | None = None
    session: str | None = None
    peer: str | None = None
    sender: str | None = None
    recipient: str | None = None
    message_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryView:
    """A message of the queue: its envelope, its entries and its story."""

    id: str
    message: str
    sender: str
    received: str
    size: int
    message_id: str | None
    envid: str | None
    account: str | None
    peer: str | None
    recipients: tuple[QueueRow, ...]
    events: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """What an action on many entries did. `missed` were gone, or being delivered. `next` is set when there is more."""

    affected: int
    ids: tuple[str, ...]  # the first hundred
    missed: int = 0
    next: int | None = None


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action as the caller sees it."""

    name: str
    help: str
    role: str
    changes: bool
    dangerous: bool
    key: str
    allowed: bool
    reason: str  # why not


@dataclass(frozen=True, slots=True)
class Hello:
    """The first answer on a connection."""

    version: str
    contract: int
    user: str
    role: str
    actions: tuple[ActionRow, ...]


def to_json(value: Any) -> Any:
    """A snapshot as what JSON knows: objects, lists, strings, numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    if isinstance(value, dict):
        return {key: to_json(part) for key, part in value.items()}
    return value


def from_json(kind: type[T], value: Any) -> T:
    """The snapshot again. Fields that a newer service added are passed over. KeyError, TypeError: not that kind."""
    found: T = _from(kind, value)
    return found


def _from(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_from(inner, part) for part in value)
    if origin is types.UnionType or origin is dict or not is_dataclass(kind):
        return value
    hints: dict[str, Any] = _hints(kind)  # type: ignore[arg-type]
    return kind(**{name: _from(hint, value[name]) for name, hint in hints.items() if name in value})  # type: ignore[operator]


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
