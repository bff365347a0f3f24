"""The audit log: a row for every change and every try, no secret in it, and no way to change it unseen."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.config import Settings
from backend.errors import BadInput, Denied, MailError
from backend.management import role
from backend.management.registry import actions
from backend.management.roles import AUDITOR
from backend.store import anchor
from backend.store.database import Store
from tests.backend.management.conftest import Act, Enqueue

SECRET = "a very secret phrase"


def _tamper(settings: Settings, sql: str) -> None:
    connection = sqlite3.connect(settings.site.data / "mail.db")
    with connection:
        connection.execute(sql)
    connection.close()


@pytest.fixture
def rows(act: Act) -> None:
    """Five rows."""
    for number in range(5):
        act("user.add", address=f"user{number}@example.org", password=SECRET, why="new here")


def test_a_change_is_recorded_with_all_that_is_known(act: Act) -> None:
    act("user.add", address="alice@example.org", password=SECRET)
    act("user.quota", address="alice@example.org", size=5_000, why="asked for")
    record = act("audit-log.list")["rows"][0]
    assert record["user"] == "tester"
    assert (record["action"], record["why"], record["outcome"]) == ("user.quota", "asked for", "done")
    assert record["arguments"] == {"address": "alice@example.org", "size": 5_000}
    assert (record["before"]["quota"], record["after"]["quota"]) == (0, 5_000)


def test_bulk_work_is_recorded_with_its_ids(act: Act, enqueue: Enqueue) -> None:
    one = enqueue("a@remote.test", "b@remote.test")
    act("queue.hold", domain="remote.test")
    record = act("audit-log.list")["rows"][0]
    assert record["after"] == {"affected": 2, "ids": [f"{one}-1", f"{one}-2"]}


def test_a_try_is_recorded_too(act: Act) -> None:
    with pytest.raises(BadInput):
        act("user.delete", address="nobody@example.org")
    with pytest.raises(Denied):
        act("queue.delete", _role=AUDITOR, all=True)
    denied, failed = act("audit-log.list")["rows"]
    assert failed["outcome"].startswith("failed: There is no account")
    assert denied["outcome"].startswith("denied: This needs the role postmaster")
    assert denied["role"] == AUDITOR


def test_a_look_into_a_mailbox_is_recorded(act: Act) -> None:
    act("mailbox.export", address="postmaster@example.org")
    assert act("audit-log.list")["rows"][0]["action"] == "mailbox.export"


def test_reading_leaves_no_row(act: Act) -> None:
    for one in actions().values():
        if not one.changes and not any(parameter.required for parameter in one.parameters):
            act(one.name)
    assert act("audit-log.list")["rows"] == []


@pytest.mark.usefixtures("rows")
def test_no_secret_reaches_the_disk(act: Act, settings: Settings, tmp_path: Path) -> None:
    act("user.password", address="user0@example.org", password=SECRET + "!")
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file


@pytest.mark.usefixtures("rows")
def test_a_whole_chain_is_whole(act: Act) -> None:
    proof = act("audit-log.verify")
    newest = act("audit-log.list", limit=1)["rows"][0]
    assert proof == {"rows": 5, "broken": None, "missing": 0, "anchor": f"5:{newest['hash']}"}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("UPDATE audit SET reason = 'another' WHERE id = 3", 3),
        ("UPDATE audit SET outcome = 'denied' WHERE id = 5", 5),
        ("UPDATE audit SET time = time + 1 WHERE id = 1", 1),
        ("UPDATE audit SET actor = 'somebody' WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("DELETE FROM audit WHERE id = 4", 5),
        ("UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), '-') WHERE id = 2", 2),
    ],
)
def test_tampering_is_found(act: Act, settings: Settings, sql: str, broken: int) -> None:
    _tamper(settings, sql)
    assert act("audit-log.verify")["broken"] == broken


def _cut(settings: Settings, first: int) -> None:
    _tamper(settings, f"DELETE FROM audit WHERE id >= {first}")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(("first", "missing"), [(5, 1), (3, 3), (1, 5)])
def test_the_newest_rows_are_missed(act: Act, settings: Settings, first: int, missing: int) -> None:
    _cut(settings, first)
    proof = act("audit-log.verify")
    assert (proof["rows"], proof["broken"], proof["missing"]) == (first - 1, None, missing)


@pytest.mark.usefixtures("rows")
def test_what_is_written_after_a_cut_does_not_cover_it(act: Act, settings: Settings) -> None:
    _cut(settings, 4)
    act("user.suspend", address="user1@example.org")
    assert act("audit-log.verify")["missing"] == 1
    for _ in range(5):  # rows 5 to 9: the one that the anchor names is there again, and is another one
        act("user.suspend", address="user1@example.org")
    assert act("audit-log.verify")["broken"] == 5


@pytest.mark.usefixtures("rows")
def test_a_crash_before_the_anchor_is_no_alarm(act: Act, settings: Settings) -> None:
    file = settings.site.data / anchor.NAME
    before = file.read_bytes()
    for _ in range(3):
        act("user.suspend", address="user1@example.org")
        file.write_bytes(before)  # as a crash between commit and anchor, or one of the disk's cache, leaves it
        assert act("audit-log.verify")["missing"] == 0
    act("user.enable", address="user1@example.org")  # carries it on
    _cut(settings, 9)
    assert act("audit-log.verify")["missing"] == 1


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 200, b"5:abc\n", None])
def test_an_anchor_that_is_lost_is_made_again(act: Act, settings: Settings, content: bytes | None) -> None:
    file = settings.site.data / anchor.NAME
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert act("audit-log.verify")["missing"] == 0
    act("user.suspend", address="user1@example.org")
    _cut(settings, 6)
    assert act("audit-log.verify")["missing"] == 1


@pytest.mark.usefixtures("rows")
def test_an_anchor_that_was_kept_elsewhere_proves_more(act: Act, settings: Settings) -> None:
    kept = act("audit-log.verify")["anchor"]
    _cut(settings, 3)
    (settings.site.data / anchor.NAME).unlink()
    act("user.suspend", address="user1@example.org")
    assert act("audit-log.verify")["missing"] == 0
    assert act("audit-log.verify", anchor=kept)["missing"] == 2
    act("user.suspend", address="user1@example.org")
    act("user.suspend", address="user1@example.org")
    assert act("audit-log.verify", anchor=kept)["broken"] == 5
    with pytest.raises(BadInput, match="An anchor is"):
        act("audit-log.verify", anchor="5")


@pytest.mark.usefixtures("rows")
async def test_the_log_has_the_anchor_for_who_keeps_it_elsewhere(
    act: Act, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    witness = asyncio.create_task(role.witness(settings.site.data))
    with caplog.at_level("INFO", "audit"):
        for _ in range(3_000):
            if caplog.messages:
                break
            await asyncio.sleep(0.02)
    witness.cancel()
    (line,) = caplog.messages
    assert line.startswith("the audit log ends with row 5:")
    assert act("audit-log.verify", anchor=line.rpartition(" ")[2])["missing"] == 0


def test_the_anchor_of_a_full_disk_costs_no_change(
    act: Act, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    act("domain.add", domain="example.net")
    assert act("domain.list") == {"domains": ["example.net", "example.org"]}
    assert act("audit-log.verify")["rows"] == 1


@pytest.mark.usefixtures("rows")
def test_the_list_finds_and_pages(act: Act) -> None:
    assert [row["id"] for row in act("audit-log.list", limit=2)["rows"]] == [5, 4]
    assert [row["id"] for row in act("audit-log.list", limit=2, before=4)["rows"]] == [3, 2]
    assert [row["id"] for row in act("audit-log.list", part="user3@")["rows"]] == [4]


def test_the_row_and_the_change_are_one_transaction(act: Act, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.store import audit

    real: Callable[..., None] = audit.add

    def fails(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("no")

    monkeypatch.setattr(audit, "add", fails)
    with pytest.raises(MailError):
        act("domain.add", domain="example.net")
    monkeypatch.setattr(audit, "add", real)
    assert act("domain.list") == {"domains": ["example.org"]}


def test_rows_are_found_by_who_what_and_when(act: Act, rows: None) -> None:
    act("user.suspend", address="user1@example.org", why="on leave")
    with pytest.raises(BadInput):
        act("user.delete", address="nobody@example.org")
    assert [row["id"] for row in act("audit-log.list", what="user.suspend")["rows"]] == [6]
    assert act("audit-log.list", what="user")["total"] == 7
    assert act("audit-log.list", what="use")["total"] == 0
    assert act("audit-log.list", user="tester", limit=2, offset=2)["total"] == 7
    assert act("audit-log.list", user="nobody")["rows"] == []
    assert [row["id"] for row in act("audit-log.list", failed=True)["rows"]] == [7]
    assert [row["id"] for row in act("audit-log.list", part="on leave")["rows"]] == [6]
    assert act("audit-log.list", newer_than=3_600)["total"] == 7
    assert act("audit-log.list", older_than=3_600)["total"] == 0
