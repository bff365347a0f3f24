"""Group commit: together in one transaction, apart in what goes wrong; and what a failing disk does."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import BadInput, MailError, Temporary
from backend.limits import Limits
from backend.store import bodies, database
from backend.store.bodies import Body, Spool
from backend.store.database import Operation, Reader, Store, Transaction

COUNT = "SELECT count(*) FROM domains"
PROCESS = """
import sys
import threading
from pathlib import Path
from backend.store.accounts import add_domain
from backend.store.database import Store
store = Store.open(Path(sys.argv[1]))
for number in range(100):
    store.write(lambda transaction: add_domain(transaction, f"{sys.argv[2]}{number}.test"))
store.close()
"""


def add(name: str, error: Exception | None = None) -> Operation[str]:
    """An operation that writes, and then raises `error`."""

    def operation(transaction: Transaction) -> str:
        transaction.execute("INSERT INTO domains (name, created) VALUES (?, 0)", (name,))
        transaction.count("accepted")
        transaction.after_commit(lambda: DONE.append(name))
        if error is not None:
            raise error
        return name

    return operation


DONE: list[str] = []


def names(reader: Reader) -> set[str]:
    return {row[0] for row in reader.execute("SELECT name FROM domains")}


async def test_one_failing_operation_undoes_only_itself(folder: Path) -> None:
    DONE.clear()
    store = Store.open(folder)
    wrong = [BadInput("wrong"), ValueError("a bug"), None, Temporary("later")]
    futures = [store.commit(add(f"{number}.test", error)) for number, error in enumerate(wrong)]
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(answer) for answer in answers] == [BadInput, Temporary, str, Temporary]
    assert await store.query(names) == {"2.test"}
    assert DONE == ["2.test"]
    assert await store.query(lambda reader: reader.value("SELECT sum(number) FROM minutes")) == 1
    store.close()


async def test_what_comes_together_is_committed_together(folder: Path) -> None:
    store = Store.open(folder)
    times = await asyncio.gather(*(store.commit(lambda transaction: transaction.now) for _ in range(1_000)))
    assert len(set(times)) < 500
    store.close()


async def test_more_than_may_wait_is_refused(folder: Path) -> None:
    store = Store.open(folder, Limits(write_queue=5))
    futures: list[asyncio.Future[str]] = []
    with pytest.raises(Temporary) as raised:  # noqa: PT012  how many are taken before is not known
        for number in range(10_000):
            futures.append(store.commit(add(f"{number}.test")))  # noqa: PERF401
    assert raised.value.status == "4.3.1"
    assert len(futures) >= 5
    await asyncio.gather(*futures)
    assert len(await store.query(names)) == len(futures)
    store.close()


def test_a_reader_sees_one_state_and_cannot_write(store: Store) -> None:
    def look(reader: Reader) -> tuple[int, int]:
        before = reader.value(COUNT)
        store.write(add("new.test"))
        return before, reader.value(COUNT)

    assert store.read(look) == (1, 1)
    assert store.read(lambda reader: reader.value(COUNT)) == 2
    with pytest.raises(Temporary):
        store.read(lambda reader: reader.execute("DELETE FROM domains"))


def test_two_processes_write(folder: Path, store: Store) -> None:
    words = [sys.executable, "-c", PROCESS, str(folder)]
    children = [subprocess.Popen([*words, name]) for name in ("a", "b")]
    for number in range(100):
        store.write(add(f"c{number}.test"))
    assert [child.wait(60) for child in children] == [0, 0]
    assert len(store.read(names)) == 301


def test_another_process_hears_of_the_directory(folder: Path, store: Store) -> None:
    before = store.generation.number
    subprocess.run([sys.executable, "-c", PROCESS, str(folder), "a"], check=True)
    assert store.generation.number == before + 100


def test_a_store_of_a_newer_release_is_left_alone(folder: Path) -> None:
    store = Store.open(folder)
    store.write(lambda transaction: transaction.execute("SELECT 1"))
    store.close()
    with sqlite3.connect(folder / "mail.db") as connection:
        connection.execute(f"PRAGMA user_version = {database.VERSION + 1}")
    with pytest.raises(BadInput, match="newer release"):
        Store.create(folder)


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no store"):
        Store.open(tmp_path)


def test_create_twice(folder: Path, store: Store) -> None:
    Store.create(folder)
    assert store.read(names) == {"example.org"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    words = [mount or "mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", str(disk)]
    if mount is None or os.getuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_temporary_and_loses_nothing(small_disk: Path) -> None:
    Store.create(small_disk / "data")
    store = Store.open(small_disk / "data")
    kept: set[str] = set()
    with pytest.raises(Temporary) as raised:  # noqa: PT012
        for number in range(10_000):
            name = f"{number}-{'x' * 2_000}.test"
            store.write(add(name))
            kept.add(name)
    assert (raised.value.code, raised.value.status) == (452, "4.3.1")
    assert kept
    with pytest.raises(MailError):
        store.write(add(f"again-{'x' * 20_000}.test"))
    assert store.read(names) == kept
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    store.write(add("after.test"))  # the same store, with room again
    assert store.read(names) == kept | {"after.test"}
    store.close()


def test_a_spool_on_a_full_disk(small_disk: Path) -> None:
    Store.create(small_disk / "data")
    spool = Spool(small_disk / "data")
    with pytest.raises(Temporary) as raised:  # noqa: PT012
        for _ in range(100):
            spool.write(bytes(100_000))
    assert (raised.value.code, raised.value.status) == (452, "4.3.1")
    spool.abandon()
    assert list((small_disk / "data/spool").iterdir()) == []


def test_a_body_in_all_its_shapes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"Subject: x\r\n\r\nbody")
    shapes = [
        (Body(4, data=b"body"), b"body"),
        (Body(4, data=b"body").under(b"head"), b"headbody"),
        (Body(18, path=file), b"Subject: x\r\n\r\nbody"),
        (Body(8, head=b"head", path=file, skip=14), b"headbody"),
        (Body(8, head=b"head", path=file, skip=14).under(b"A"), b"Aheadbody"),
    ]
    for body, whole in shapes:
        assert body.whole() == whole
        assert body.size == len(whole)
        for size in range(len(whole) + 2):
            assert body.start(size) == whole[:size]


def test_sweep_removes_what_nobody_points_to(folder: Path, store: Store) -> None:
    for path in (folder / "spool/left", folder / "bodies/ab/abcd", folder / "spool/young"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        if path.name != "young":
            os.utime(path, (0, 0))
    assert store.write(lambda transaction: bodies.sweep(transaction, 3_600)) == 2
    assert [path.name for path in folder.glob("spool/*")] == ["young"]


def test_a_store_of_an_older_release_is_brought_up_to_date(tmp_path: Path) -> None:
    from sqlite_utils import Database

    from backend.store.schema import migrations

    (tmp_path / "old").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "old" / "mail.db")) as connection:
        migrations.apply(Database(connection), stop_before="m002_people")
        connection.execute("PRAGMA user_version = 1")
    assert Store.outdated(tmp_path / "old")
    Store.create(tmp_path / "old")
    assert not Store.outdated(tmp_path / "old")


def test_a_reader_may_be_at_work_when_the_store_closes(tmp_path: Path) -> None:
    """SQLite does not survive a connection that is closed under a thread."""
    Store.create(tmp_path / "data")
    store = Store.open(tmp_path / "data")
    begun = threading.Event()
    count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"

    def look(reader: Reader) -> int:
        begun.set()
        return sum(reader.value(count) for _ in range(5))

    with concurrent.futures.ThreadPoolExecutor() as threads:
        found = [threads.submit(store.read, look) for _ in range(4)]
        begun.wait()
        store.close()
        answers = [one.exception() or one.result() for one in found]
    assert {answer for answer in answers if isinstance(answer, int)} == {1_500_000}
    assert all(isinstance(answer, int | Temporary) for answer in answers)
    for late in (store.read, store.write):
        with pytest.raises(Temporary, match="stops"):
            late(look)
