"""The store's engine: one writer thread a process with group commit, and readers.

Operations of concurrent sessions are run one after the other inside one transaction, a savepoint for each, and
are answered together after the commit has been fsynced (WAL, synchronous=FULL). Writers of different processes
take turns on a file lock: waiting there is fair and costs nothing, where SQLite's own busy handler sleeps in steps.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import fcntl
import logging
import os
import queue
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from backend.errors import BadInput, MailError, Temporary
from backend.limits import Limits
from backend.store.generation import Generation

T = TypeVar("T")
Row = tuple[Any, ...]

_log = logging.getLogger("store")
# Of the tables: how many migrations there are; kept in the database's user_version.
VERSION = len(list(Path(__file__).with_name("schema").glob("m*.py")))
_CHECKPOINT_PAGES = 4_000  # 16 MiB of log before its pages move to the database file
_CACHE_KIB = 16 * 1024  # of the writer; a reader has a quarter
_READERS = 2  # threads


class Reader:
    """A connection that only reads. Every call sees one state of the database, as of its first SELECT."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.execute = connection.execute

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row, or None."""
        row: Row | None = self.execute(sql, parameters).fetchone()
        return row

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows."""
        return self.execute(sql, parameters).fetchall()

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.execute(sql, parameters).fetchone()
        return row[0] if row else None


class Transaction(Reader):
    """What an operation gets: it may read and write; an exception undoes what it wrote, and only that."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        super().__init__(connection)
        self.folder = folder
        self.executemany = connection.executemany
        self.now = 0.0  # seconds since 1970, the same for the whole commit
        self.counts: Counter[str] = Counter()
        self.sums: dict[str, Counter[Row]] = {}
        self.after: list[Callable[[], None]] = []
        self.directory_changed = False

    def begin(self) -> None:
        """Forget what the operation before this one left."""
        self.counts = Counter()
        self.sums = {}
        self.after = []
        self.directory_changed = False

    def count(self, name: str, number: int = 1) -> None:
        """Add to this minute's statistics."""
        self.counts[name] += number

    def add_up(self, statement: str, key: Row, number: int = 1) -> None:
        """Add to what is counted under `key`. `statement` puts a row (*key, number) in, or adds the number to the one
        that is there; it runs once a commit for each key, however many operations count.
        """
        self.sums.setdefault(statement, Counter())[key] += number

    def after_commit(self, step: Callable[[], None]) -> None:
        """Do `step` once this is on disk, while the turn to write is still ours."""
        self.after.append(step)


Operation = Callable[[Transaction], T]
Query = Callable[[Reader], T]


class _Job(Generic[T]):
    __slots__ = ("error", "future", "operation", "result")

    def __init__(
        self, operation: Operation[T], future: asyncio.Future[T] | concurrent.futures.Future[T] | None
    ) -> None:
        self.operation = operation
        self.future = future
        self.result: T | None = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Answer the one who waits."""
        future = self.future
        if future is None:
            if self.error is not None:
                _log.warning("a record was not kept: %s", self.error)
        elif not future.done():
            if self.error is None:
                future.set_result(self.result)  # type: ignore[arg-type]
            else:
                future.set_exception(self.error)


def _settle(jobs: Iterable[_Job[Any]]) -> None:
    for job in jobs:
        job.settle()


class Store:
    """The data of a site: `mail.db`, `bodies/` and `spool/` in one folder.

    `commit` and `query` are for the event loop that was running at `open`, `write` and `read` for anybody else.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.generation = Generation(folder / "generation")
        self._limits = limits
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._readers: concurrent.futures.ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._opened: list[tuple[sqlite3.Connection, threading.RLock]] = []  # held by the thread that reads
        self._closed = False
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._writer = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._writer.start()

    # -- opening and closing

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make the folder and its tables, or bring older tables up to date. Safe to call again."""
        from backend.store import schema  # sqlite-utils is not loaded into the roles

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("bodies", "spool"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        Generation.create(folder / "generation")
        with _lock(folder / "lock"), contextlib.closing(_connect(folder, 30.0)) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] > VERSION:
                raise BadInput(
                    f"The store in {folder} was made by a newer release; install that one or restore a backup."
                )
            connection.execute("PRAGMA journal_mode = WAL")
            schema.migrate(connection)

    @staticmethod
    def outdated(folder: Path) -> bool:
        """Whether the tables there are those of an older release. sqlite3.Error, OSError: who knows."""
        with contextlib.closing(_connect(folder, 30.0)) as connection:
            version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version < VERSION

    @classmethod
    def open(cls, folder: Path, limits: Limits | None = None) -> Store:
        """The store in `folder`; BadInput when there is none."""
        if not (folder / "mail.db").exists():
            raise BadInput(f"There is no store in {folder}; `mailconsole init` makes one.")
        return cls(folder, limits or Limits())

    def close(self) -> None:
        """Finish what waits, then let go of every file. Who asks for more, and who comes between, gets Temporary."""
        self._closed = True
        self._jobs.put(None)
        self._writer.join()
        while not self._jobs.empty():
            if (late := self._jobs.get()) is not None:
                late.error = _over()
                late.settle()
        if self._readers:
            self._readers.shutdown()
        for connection, reading in self._opened:
            with reading:  # a thread may be in the middle of it, and SQLite does not survive that
                connection.close()
        self.generation.close()

    # -- writing

    def commit(self, operation: Operation[T]) -> asyncio.Future[T]:
        """Run `operation` and resolve after it is on disk. Raises what it raised, or Temporary when the disk fails."""
        assert self._loop is not None
        if self._closed:
            raise _over()
        if self._jobs.qsize() >= self._limits.write_queue:
            raise Temporary("The store has too much to write at the moment; try again later.", status="4.3.1")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(operation, future))
        return future

    def write(self, operation: Operation[T]) -> T:
        """The same for a caller without an event loop: blocks until it is on disk."""
        if self._closed:
            raise _over()
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._jobs.put(_Job(operation, future))
        return future.result()

    def record(self, operation: Operation[Any]) -> None:
        """Run `operation` soon, with nobody waiting: for events of refused sessions. Dropped when too much waits."""
        if self._jobs.qsize() < self._limits.write_queue and not self._closed:
            self._jobs.put(_Job(operation, None))

    # -- reading

    def read(self, query: Query[T]) -> T:
        """Run `query` in this thread."""
        try:
            known: tuple[Reader, threading.RLock] | None = getattr(self._local, "reader", None)
            reader, reading = known or self._reader()
            with reading:
                if self._closed:
                    raise _over()
                reader.execute("BEGIN")
                try:
                    return query(reader)
                finally:
                    reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _temporary(error) from error

    def _reader(self) -> tuple[Reader, threading.RLock]:
        """A connection of this thread's own."""
        connection = _connect(self.folder, self._limits.lock_seconds, _CACHE_KIB // 4)
        connection.execute("PRAGMA query_only = 1")
        reading = threading.RLock()
        self._opened.append((connection, reading))
        made = self._local.reader = Reader(connection), reading
        return made

    def query(self, query: Query[T]) -> asyncio.Future[T]:
        """Run `query` in a reader's thread."""
        if self._readers is None:
            self._readers = concurrent.futures.ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        assert self._loop is not None
        return self._loop.run_in_executor(self._readers, self.read, query)

    # -- the writer's thread

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        jobs = self._jobs
        while (job := jobs.get()) is not None:
            batch, stop = [job], False
            try:
                with _lock(self.folder / "lock"):
                    if connection is None:
                        connection = _connect(self.folder, self._limits.lock_seconds)
                    stop = _drain(jobs, batch, self._limits.group_commit)
                    self._transact(connection, batch)
            except (sqlite3.Error, OSError) as error:
                _log.error("transaction of %d operations failed: %s", len(batch), error)
                failure = _temporary(error)
                for failed in batch:
                    failed.error = failed.error or failure
                if connection is not None:
                    connection.close()  # undoes the transaction; the next batch starts on a new connection
                    connection = None
            self._answer(batch)
            if stop:
                break
        if connection is not None:
            connection.close()

    def _answer(self, batch: list[_Job[Any]]) -> None:
        inside = [job for job in batch if isinstance(job.future, asyncio.Future)]
        if inside and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it those who waited
                self._loop.call_soon_threadsafe(_settle, inside)
        _settle(job for job in batch if not isinstance(job.future, asyncio.Future))

    def _transact(self, connection: sqlite3.Connection, batch: list[_Job[Any]]) -> None:
        transaction = Transaction(connection, self.folder)
        transaction.now = time.time()
        execute = connection.execute
        counts: Counter[str] = Counter()
        sums: dict[str, Counter[Row]] = {}
        after: list[Callable[[], None]] = []
        directory_changed = False
        execute("BEGIN IMMEDIATE")
        for job in batch:
            transaction.begin()
            execute("SAVEPOINT operation")
            try:
                job.result = job.operation(transaction)
            except Exception as error:
                if not connection.in_transaction:  # a full disk or an I/O error undid the whole transaction
                    raise
                job.error = error if isinstance(error, MailError) else _temporary(error)
                if not isinstance(error, MailError):
                    _log.error("operation failed", exc_info=error)
                execute("ROLLBACK TO operation")
            else:
                counts += transaction.counts
                for statement, some in transaction.sums.items():
                    sums.setdefault(statement, Counter()).update(some)
                after += transaction.after
                directory_changed = directory_changed or transaction.directory_changed
            execute("RELEASE operation")
        if counts:
            minute = int(transaction.now) // 60
            transaction.executemany(
                "INSERT INTO minutes (minute, name, number) VALUES (?, ?, ?) "
                "ON CONFLICT (minute, name) DO UPDATE SET number = minutes.number + excluded.number",
                [(minute, name, number) for name, number in counts.items()],
            )
        for statement, summed in sums.items():
            transaction.executemany(statement, [(*key, number) for key, number in summed.items()])
        execute("COMMIT")
        for step in after:
            step()
        if directory_changed:
            self.generation.advance()


def _drain(jobs: queue.SimpleQueue[_Job[Any] | None], batch: list[_Job[Any]], most: int) -> bool:
    """Add what waits to `batch`; True when the end of all work was found among it."""
    while len(batch) < most:
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            return False
        if job is None:
            return True
        batch.append(job)
    return False


def _connect(folder: Path, busy_seconds: float, cache_kib: int = _CACHE_KIB) -> sqlite3.Connection:
    connection = sqlite3.connect(
        folder / "mail.db",
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """The turn to write, among all processes of the site. A process that dies gives it back."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _over() -> Temporary:
    return Temporary("The service stops; try again when it runs.")


def _temporary(error: BaseException) -> Temporary:
    """What the network is told of a failing disk: nothing but to come back (RFC 3463 X.3.1: mail system full)."""
    full = "full" in str(error) or getattr(error, "errno", None) in (28, 122)
    if full:
        return Temporary("The mail system is short of disk space; try again later.", code=452, status="4.3.1")
    return Temporary("The store is not available at the moment; try again later.", status="4.3.0")
