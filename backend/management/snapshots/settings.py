"""What is in force, and from which line of the file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One key. Values are as they would stand in the file."""

    key: str  # `section.key`
    value: str  # in force
    default: str
    line: int | None  # of the file; None: the default counts
    pending: str | None  # what a reload, or a restart, would make of it; None: the same
    restart: bool  # whether that takes a restart
    help: str
    author: str | None = None  # who set it in the service itself, over the file; None: the file counts
    since: str | None = None  # when
    file: str | None = None  # what the file, or its default, says instead


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """A page of the settings. `trouble`: why the file could not be loaded now; empty when it could."""

    rows: tuple[SettingRow, ...]
    total: int
    offset: int
    path: str
    trouble: str


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload has changed, and what waits for a restart."""

    changed: tuple[str, ...]
    waiting: tuple[str, ...]
