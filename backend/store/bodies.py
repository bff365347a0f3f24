"""The bytes of messages: small ones in the database, larger ones as files named by their SHA-256.

A body is `head + data`, or `head + file[skip:]`. The head is what we put in front (Received and the like); `skip`
lets a changed header section stand in for the one in the file, so that a large file is never written again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from backend.errors import Temporary
from backend.store.database import Reader, Transaction

CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """`size` bytes: head, then data or the rest of the file at `path` from `skip` on."""

    size: int
    head: bytes = b""
    data: bytes = b""
    path: Path | None = None
    digest: str | None = None
    skip: int = 0

    def chunks(self) -> Iterator[bytes]:
        """The whole in pieces of at most 256 KiB (head and data as they are). Blocks: not for the event loop."""
        if self.head:
            yield self.head
        if self.data:
            yield self.data
        if self.path is not None:
            with self.path.open("rb") as file:
                file.seek(self.skip)
                while chunk := file.read(CHUNK):
                    yield chunk

    def start(self, size: int) -> bytes:
        """The first `size` bytes: enough for who needs the header section only."""
        if self.path is None or len(self.head) >= size:
            return (self.head + self.data)[:size]
        with self.path.open("rb") as file:
            file.seek(self.skip)
            return self.head + file.read(size - len(self.head))

    def part(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on. Blocks as `chunks` does."""
        front = self.head + self.data
        piece = front[offset : offset + size]
        if self.path is not None and len(piece) < size:
            with self.path.open("rb") as file:
                file.seek(self.skip + max(0, offset - len(front)))
                piece += file.read(size - len(piece))
        return piece

    def whole(self) -> bytes:
        """The whole at once."""
        return b"".join(self.chunks())

    def under(self, head: bytes) -> Body:
        """The same below `head`."""
        return replace(self, head=head + self.head, size=self.size + len(head))

    def headed(self, head: bytes, section: bytes, kept: bytes) -> Body:
        """The same below `head`, with `kept` in place of its first bytes, which are `section`."""
        size = self.size + len(head) + len(kept) - len(section)
        if self.path is None:
            return Body(size, data=head + kept + self.data[len(section) :])
        if kept is section:
            return replace(self, head=head, size=size)
        return replace(self, head=head + kept, skip=len(section), size=size)


class Spool:
    """A file that a large message streams into. Blocking: write from a thread. `abandon` or `finish` ends it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "spool" / secrets.token_hex(12)
        self._file: BinaryIO = self.path.open("xb", buffering=0)
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append; Temporary when the disk is full or fails."""
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:] if written else data)
        except OSError as error:
            raise Temporary(
                "The mail system is short of disk space; try again later.", code=452, status="4.3.1"
            ) from error
        self._digest.update(data)
        self._size += len(data)

    def finish(self) -> Body:
        """Make it durable and give the body; the file moves to its place with `place`."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise Temporary(
                "The mail system is short of disk space; try again later.", code=452, status="4.3.1"
            ) from error
        finally:
            self._file.close()
        return Body(size=self._size, path=self.path, digest=self._digest.hexdigest())

    def abandon(self) -> None:
        """Throw it away."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def place(transaction: Transaction, body: Body) -> None:
    """Move a spooled file to its name, durably, as part of the accepting transaction."""
    if body.path is None or body.digest is None:
        return
    final = location(transaction.folder, body.digest)
    if not final.parent.exists():
        final.parent.mkdir(mode=0o700)
        _sync_folder(final.parent.parent)
    body.path.rename(final)
    _sync_folder(final.parent)


def location(folder: Path, digest: str) -> Path:
    """Where the file with this SHA-256 lies."""
    return folder / "bodies" / digest[:2] / digest


def load(reader: Reader, folder: Path, message: int) -> Body | None:
    """The body of a message; None when there is no such message."""
    row = reader.row("SELECT size, head, data, digest, skip FROM messages WHERE id = ?", (message,))
    if row is None:
        return None
    size, head, data, digest, skip = row
    path = location(folder, digest) if digest else None
    return Body(size=size, head=head or b"", data=data or b"", path=path, digest=digest, skip=skip or 0)


def free(transaction: Transaction, digest: str) -> None:
    """Remove the file after the commit, unless a message points to it by then."""

    def remove() -> None:
        if transaction.row("SELECT 1 FROM messages WHERE digest = ? LIMIT 1", (digest,)) is None:
            location(transaction.folder, digest).unlink(missing_ok=True)

    transaction.after_commit(remove)


def sweep(transaction: Transaction, older_than: float, part: str = "*") -> int:
    """Remove files that no message points to: what processes that died left behind. `older_than` in seconds.

    `part`: only bodies whose digest begins with these two letters, for work in small pieces.
    Runs as an operation, so nobody is between `place` and the commit meanwhile. Answers the number removed.
    """
    oldest = transaction.now - older_than
    removed = 0
    for path in [*transaction.folder.glob("spool/*"), *transaction.folder.glob(f"bodies/{part}/*")]:
        try:
            if path.stat().st_mtime >= oldest:
                continue
            if path.parent.name != "spool" and transaction.row("SELECT 1 FROM messages WHERE digest = ?", (path.name,)):
                continue
            path.unlink()
        except FileNotFoundError:  # finished or abandoned meanwhile
            continue
        removed += 1
    return removed


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
