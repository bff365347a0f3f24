"""`mailbox export`: every message with its bytes, however large, in a Maildir that other programs read."""

from __future__ import annotations

import json
import mailbox
import os
import re
from pathlib import Path

import pytest

from tests.harness.site import PASSWORD, Site
from tests.mailconsole.conftest import Put

ALICE = "alice@example.org"
HEAD = b"Return-Path: <bob@remote.test>\nDelivered-To: alice@example.org\n"


@pytest.fixture(autouse=True)
def _alice(site: Site) -> None:
    site.add_user(ALICE, PASSWORD)


def _exported(site: Site, folder: Path) -> list[bytes]:
    done = json.loads(site.cli("mailbox", "export", ALICE, str(folder), "--json").stdout)
    files = sorted((folder / "new").iterdir())
    assert done["messages"] == len(files)
    assert done["bytes"] == sum(file.stat().st_size for file in files)
    assert list((folder / "cur").iterdir()) == list((folder / "tmp").iterdir()) == []
    return [file.read_bytes() for file in files]


BODIES = (
    b"",
    b"Subject: x\r\n\r\nline\r\n",
    b"a\rb\nc\r\n\r\r\n\r",
    bytes(range(256)) * 300,
    b"\r\n" * 400_000 + b"\r",  # pieces of 512 KiB end between CR and LF, here or in the next one
    b"x" * 3 + b"\r\n" * 400_000,
    os.urandom(1_500_000),
)


def test_bytes_are_exact_but_for_line_ends(site: Site, put: Put, tmp_path: Path) -> None:
    for body in BODIES:
        put(body, ALICE)
    assert _exported(site, tmp_path / "box") == [HEAD + body.replace(b"\r\n", b"\n") for body in BODIES]


def test_many_messages_come_in_order_and_under_names_of_their_own(site: Site, put: Put, tmp_path: Path) -> None:
    bodies = [f"Subject: {number}\r\n\r\n{'x' * 60_000}\r\n".encode() for number in range(25)]
    for body in bodies:
        put(body, ALICE)
    assert _exported(site, tmp_path / "box") == [HEAD + body.replace(b"\r\n", b"\n") for body in bodies]
    assert len(mailbox.Maildir(tmp_path / "box")) == 25
    looks = site.cli_json("audit-log", "list", "mailbox.export")["rows"][::-1]
    assert looks[0]["after"] == {"uids": [1, 9]}
    assert looks[-1]["after"] == {"uids": []}


def test_a_folder_with_something_in_it_is_left_alone(site: Site, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    done = site.cli("mailbox", "export", ALICE, str(tmp_path), check=False)
    assert done.returncode == 2
    assert b"is not empty" in done.stderr
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith("site")] == ["kept"]


def test_the_mailboxes_are_listed(site: Site, put: Put) -> None:
    put(b"x" * 10, ALICE)
    [inbox] = site.cli_json("mailbox", "list", ALICE)["mailboxes"]
    assert (inbox["name"], inbox["messages"], inbox["uidnext"]) == ("INBOX", 1, 2)
    assert re.search(rb"INBOX +1 ", site.cli("mailbox", "list", ALICE).stdout)
