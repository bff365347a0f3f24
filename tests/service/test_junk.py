"""Junk over the wire: marked mail goes there for who wants it, to INBOX for who does not, and nothing else does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from backend.content.spam.rules import GTUBE
from tests.harness.site import Site, in_maildir
from tests.service.test_spam import GOOD, SETTINGS, STRANGER, letter

USERS = ("alice", "bob", "carol")  # wants it, does not, has not said


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that marks."""
    with Site(tmp_path_factory.mktemp("junk") / "site") as site:
        site.configure(SETTINGS)
        for name in USERS:
            site.add_user(f"{name}@example.org")
        site.cli("user", "junk", "alice@example.org", "on")
        site.cli("user", "junk", "bob@example.org", "off")
        yield site.start()


def send(site: Site, identity: str, text: str, *names: str) -> str:
    """A message from outside; its id."""
    with site.wire(source=STRANGER) as wire:
        wire.must(250, "EHLO client.test")
        answer = wire.message("ann@client.test", [f"{name}@example.org" for name in names], letter(identity, text))
    assert answer.code == 250
    return str(answer).split()[-1]


def subjects(site: Site, name: str) -> dict[str, list[str]]:
    """The subjects in each mailbox, as `mailbox export` writes them."""
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="export") as folder:
        site.cli("mailbox", "export", f"{name}@example.org", f"{folder}/box")
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file() and in_maildir(file):
                box = file.parent.parent.name.removeprefix(".")
                found.setdefault(box, []).append(message_from_bytes(file.read_bytes())["Subject"])
    return {("INBOX" if box == "box" else box): lines for box, lines in found.items()}


def test_gtube_goes_where_each_recipient_wants_it_and_good_mail_to_the_inbox(site: Site) -> None:
    identity = send(site, "gtube", f"{GTUBE}\r\n", *USERS)
    send(site, "good", GOOD, *USERS)
    assert subjects(site, "alice") == {"Junk": ["***SPAM*** minutes"], "INBOX": ["minutes"]}
    assert subjects(site, "bob") == {"INBOX": ["***SPAM*** minutes", "minutes"]}
    assert subjects(site, "carol") == {"INBOX": ["***SPAM*** minutes", "minutes"]}
    boxes = {box["name"]: box["messages"] for box in site.cli_json("mailbox", "list", "alice@example.org")["mailboxes"]}
    assert boxes == {"INBOX": 1, "Junk": 1}
    story = site.cli("trace", "show", identity).stdout.decode()
    assert "Delivered to alice@example.org's mailbox Junk, for it is marked as spam." in story
    assert "Delivered to bob@example.org's mailbox (INBOX)." in story


def test_the_site_says_for_who_has_not_and_a_reload_is_enough(site: Site) -> None:
    assert (
        "marked as spam goes to INBOX, as the site has it"
        in site.cli("user", "show", "carol@example.org").stdout.decode()
    )
    site.configure("[spam]\njunk = true\n")
    site.reload()
    before = len(subjects(site, "bob")["INBOX"])
    send(site, "again", f"{GTUBE}\r\n", "carol", "bob")
    assert subjects(site, "carol")["Junk"] == ["***SPAM*** minutes"]
    assert len(subjects(site, "bob")["INBOX"]) == before + 1
    assert "goes to Junk, as the site has it" in site.cli("user", "show", "carol@example.org").stdout.decode()
    said = site.cli("user", "junk", "carol@example.org", "off").stdout.decode()
    assert said == "Mail for carol@example.org that is marked as spam goes to INBOX from now on.\n"
    send(site, "third", f"{GTUBE}\r\n", "carol")
    assert len(subjects(site, "carol")["Junk"]) == 1


def test_an_account_with_junk_that_is_deleted_and_put_back_has_all_its_mail(site: Site) -> None:
    site.cli("user", "junk", "alice@example.org", "on")
    send(site, "fourth", f"{GTUBE}\r\n", "alice")
    before = subjects(site, "alice")
    gone = site.cli_json("user", "delete", "alice@example.org", "--yes")
    site.cli("undo", gone["undo"])
    assert subjects(site, "alice") == before
    send(site, "fifth", f"{GTUBE}\r\n", "alice")
    assert len(subjects(site, "alice")["Junk"]) == len(before["Junk"]) + 1
