"""The anchor of the audit log: number and hash of its newest row, kept outside the database.

A chain of hashes cannot show that its newest rows were cut off: what is left still fits. The anchor can. It is one
short line that is written after each commit, so that a crash between the two leaves it behind the log and never ahead.
From then on the next row carries it on, unless the row that it names is not in the log any more: then it stays where
it is, for `audit-log verify` to find. Who can write to the folder can change it too; so it stands in the service's log
once an hour, and a copy of that line that is kept on another host is proof against them as well.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from backend.store.database import Reader

NAME = "audit-anchor"  # its file in the store's folder
_LINE = re.compile(r"(\d{1,19}):([0-9a-f]{64})")
_LENGTH = 20 + 64 + 1  # bytes of the file, always as many, so that writing it is one short write in place
_log = logging.getLogger("audit")


@dataclass(frozen=True, slots=True)
class Anchor:
    """One row, by its number and its hash. As a text `17:9f3c...`."""

    row: int
    hash: str

    def __str__(self) -> str:
        return f"{self.row}:{self.hash}"


def parse(words: str) -> Anchor | None:
    """The anchor that is written there, None when none is."""
    found = _LINE.fullmatch(words.strip())
    return Anchor(int(found[1]), found[2]) if found else None


def read(folder: Path) -> Anchor | None:
    """The anchor of the store in `folder`; None when there is none, or nobody can make it out."""
    try:
        return parse((folder / NAME).read_text("ascii", "replace"))
    except OSError:
        return None


def advance(reader: Reader, folder: Path, before: Anchor | None, after: Anchor) -> None:
    """`after` was written behind `before`, and is on disk: move the anchor there, if it stands in the log.

    Never raises: what it would undo is done.
    """
    there = read(folder)
    if there is not None and there != before and not _stands(reader, there):
        _log.error("rows of the audit log were cut off or changed: row %d is not the one that was written", there.row)
        return
    if there is None and before is not None:
        _log.warning("the audit log had no anchor; it has one from row %d on", after.row)
    try:
        descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, f"{after}\n".rjust(_LENGTH).encode(), 0)
            os.ftruncate(descriptor, _LENGTH)
        finally:
            os.close(descriptor)
    except OSError as error:
        _log.warning("the anchor of the audit log cannot be written: %s", error)


def sync(folder: Path) -> None:
    """Bring it to the disk. It need not be there at each commit: an older one is no false alarm."""
    descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stands(reader: Reader, anchor: Anchor) -> bool:
    found: str | None = reader.value("SELECT hash FROM audit WHERE id = ?", (anchor.row,))
    return found == anchor.hash
