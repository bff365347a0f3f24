"""Spam over the wire: marked and delivered, good mail left alone, and mail that cannot be scored passes."""

from __future__ import annotations

import base64
import os
import re
import signal
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from backend.content.spam.rules import GTUBE
from tests.harness.processes import family
from tests.harness.site import Site
from tests.harness.waiting import until

STRANGER = "127.0.0.7"
SETTINGS = """
[relay]
networks = ["127.0.0.1/32"]

[workers]
smtp = 1

[spam]
enabled = true
seconds = 20.0
"""
FIELDS = "From: Ann <ann@client.test>\r\nTo: bob@example.org\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
GOOD = (
    "Hi Bob,\r\n\r\nthe minutes of yesterday's meeting are on the wiki; could you look at the part about the\r\n"
    "telescope schedule before Friday? I think the dates in section two are wrong.\r\n\r\n> see you on Monday\r\n"
    "Yes, at ten.\r\n\r\nAnn\r\n"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that marks."""
    with Site(tmp_path_factory.mktemp("spam") / "site") as site:
        site.configure(SETTINGS)
        site.add_user("bob@example.org")
        yield site.start()


def letter(identity: str, text: str, fields: str = "Subject: minutes\r\n") -> bytes:
    """A message whole, on the wire."""
    return (FIELDS + fields + f"Message-ID: <{identity}@client.test>\r\n\r\n" + text).encode()


def arrives(site: Site, identity: str, data: bytes, *, source: str = STRANGER) -> EmailMessage:
    """What is in the mailbox of a message that was sent."""
    with site.wire(source=source) as wire:
        wire.must(250, "EHLO client.test")
        assert wire.message("ann@client.test", ["bob@example.org"], data).code == 250
    mark = f"<{identity}@client.test>".encode()

    def there() -> bytes | None:
        return next((one for one in site.mailboxes("bob@example.org") if mark in one), None)

    found = message_from_bytes(until(there, within=20, why="it is delivered") or b"", policy=policy.SMTP)
    assert isinstance(found, EmailMessage)
    return found


def told(site: Site, message: EmailMessage) -> str:
    """What the trace says of a message that has arrived."""
    identity = re.search(r"\sid\s+(\w+)", message["Received"])
    assert identity is not None, message["Received"]
    return site.cli("trace", "show", identity[1]).stdout.decode()


def scorers(site: Site) -> list[int]:
    """The processes that score messages."""
    found = []
    for pid in family(site.process.pid if site.process else 0):
        words = Path(f"/proc/{pid}/cmdline")
        if words.exists() and b"backend.content.workbench" in words.read_bytes():
            found.append(pid)
    return found


def test_gtube_arrives_marked(site: Site) -> None:
    found = arrives(site, "gtube", letter("gtube", f"{GTUBE}\r\n"))
    assert found["Subject"] == "***SPAM*** minutes"
    assert found["X-Spam-Flag"] == "YES"
    assert float(found["X-Spam-Score"]) > 900
    assert "GTUBE=" in found["X-Spam-Status"]
    assert "; marked as spam, 1" in told(site, found)


def test_gtube_in_base64_arrives_marked(site: Site) -> None:
    text = base64.encodebytes(GTUBE.encode()).decode().replace("\n", "\r\n")
    fields = "Subject: minutes\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
    assert arrives(site, "gtube64", letter("gtube64", text, fields))["Subject"].startswith("***SPAM*** ")


def test_good_mail_is_not_marked(site: Site) -> None:
    found = arrives(site, "good", letter("good", GOOD))
    assert found["Subject"] == "minutes"
    assert found["X-Spam-Flag"] is None
    assert found["X-Spam-Status"].startswith("No, score=")


def test_what_the_sender_says_of_spam_is_taken_out(site: Site) -> None:
    forged = "X-Spam-Flag: NO\r\nx-spam-status: No,\r\n\tscore=-99\r\nSubject: minutes\r\nX-Spam-Level: \r\n"
    found = arrives(site, "forged", letter("forged", f"{GTUBE}\r\n", forged))
    assert found.get_all("X-Spam-Flag") == ["YES"]
    assert len(found.get_all("X-Spam-Status", [])) == 1
    assert "-99" not in found.as_string()


def test_an_encoded_subject_stays_readable(site: Site) -> None:
    subject = "Subject: =?utf-8?Q?Pr=C3=A4mie?=\r\n =?utf-8?Q?_f=C3=BCr_Sie?=\r\n"
    found = arrives(site, "encoded", letter("encoded", f"{GTUBE}\r\n", subject))
    assert found["Subject"] == "***SPAM*** Prämie für Sie"


def test_a_message_without_subject_gets_one(site: Site) -> None:
    assert arrives(site, "none", letter("none", f"{GTUBE}\r\n", ""))["Subject"] == "***SPAM***"


def test_a_spooled_message_is_marked_too(site: Site) -> None:
    data = letter("large", f"{GTUBE}\r\n" + "a line of a large message\r\n" * 20_000)
    found = arrives(site, "large", data)
    assert found["Subject"] == "***SPAM*** minutes"
    assert found.get_content().count("a line of a large message") == 20_000


def test_our_own_are_not_marked(site: Site) -> None:
    found = arrives(site, "ours", letter("ours", f"{GTUBE}\r\n"), source="127.0.0.1")
    assert found["Subject"] == "minutes"
    assert found["X-Spam-Status"] is None


def test_what_is_learnt_counts_for_the_next_message(site: Site, tmp_path: Path) -> None:
    offer = (
        "Dear friend, make money fast from home, 100% free, no risk! Lowest mortgage rates, guaranteed income.\r\n"
        "Click here to order now: http://192.0.2.7/order.html\r\nTo be removed from our mailing list click here.\r\n"
    )
    fields = "Subject: YOU HAVE WON!!! Claim your FREE $$$ now\r\n"
    assert arrives(site, "taught1", letter("taught1", offer, fields))["X-Spam-Flag"] == "YES"
    (tmp_path / "one.eml").write_bytes(letter("taught0", offer, fields))
    said = site.cli("spam", "learn", "--as", "ham", str(tmp_path / "one.eml")).stdout.decode()
    assert said == "1 message learnt. The site has learnt 0 of spam and 1 of good mail.\n"
    time.sleep(5.5)  # until a worker looks again
    found = arrives(site, "taught2", letter("taught2", offer, fields))
    assert found["Subject"] == "YOU HAVE WON!!! Claim your FREE $$$ now"
    assert "LEARNT_HERE=-" in found["X-Spam-Status"]
    site.cli("spam", "forget", str(tmp_path / "one.eml"))


def test_a_dead_scorer_lets_mail_pass_and_comes_back(site: Site) -> None:
    arrives(site, "before", letter("before", GOOD))
    before = scorers(site)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not scorers(site), within=10, why="they are gone")
    arrives(site, "after", letter("after", GOOD))
    found = arrives(site, "again", letter("again", f"{GTUBE}\r\n"))
    assert found["Subject"] == "***SPAM*** minutes"
    assert scorers(site) != before


def test_a_late_scorer_lets_mail_pass_unmarked(site: Site) -> None:
    arrives(site, "awake", letter("awake", GOOD))
    site.configure("[spam]\nseconds = 1.0\n")
    site.reload()
    asleep = scorers(site)
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    found = arrives(site, "late", letter("late", f"{GTUBE}\r\n"))
    assert found["Subject"] == "minutes"
    assert found["X-Spam-Status"] is None
    assert "could not be scored in time" in told(site, found)
    until(lambda: not {*asleep} <= {*scorers(site)}, within=10, why="it was ended")
    site.configure("[spam]\nseconds = 20.0\n")
    site.reload()
