"""Work of every day by keystrokes alone, counted: at most fifteen beside the text that is typed."""

from __future__ import annotations

import re
from pathlib import Path

import pexpect

from tests.harness.site import Site
from tests.service.test_viruses import HELLO, attached, mixed, zipped
from tests.ssh.conftest import Operator, until_loaded

MOST = 15
ENTER, RIGHT, CTRL_S = "\r", "\x1b[C", "\x13"


class Hands:
    """Somebody at a console over SSH."""

    def __init__(self, operator: Operator) -> None:
        self.keys = 0
        self._console = operator.console()

    def press(self, *keys: str, see: str) -> str:
        """These keys, and then wait until this stands on the screen; what was drawn meanwhile."""
        for key in keys:
            self._console.send(key)
            self.keys += 1
        return self._wait(see)

    def type(self, words: str, *, see: str = "") -> None:
        """Text, which does not count."""
        self._console.send(words)
        if see:
            self._wait(see)

    def _wait(self, see: str) -> str:
        self._console.expect(see)
        found = self._console.match
        assert not isinstance(found, type(pexpect.EOF)) or found is not None
        return str(found.group(0)) if found else ""

    def leave(self) -> int:
        """How many keys it took."""
        self._console.close(force=True)
        return self.keys


def test_a_helpdesk_resets_a_password(door: Site, tmp_path: Path) -> None:
    door.add_user("carol@example.org")
    hands = Hands(Operator(door, tmp_path, "hanna", "helpdesk"))
    hands.press("4", see="address")
    hands.press("/", see="part of the address")
    hands.type("carol", see="carol@example.org")
    hands.press(ENTER, see="P.{1,40}Password")
    hands.press("P", see="Cancel")
    hands.press(RIGHT, ENTER, see="One-time password for carol@example.org")
    password = hands._wait(r"[a-z2-9]{4}(-[a-z2-9]{4}){3}")
    assert hands.leave() <= MOST
    assert re.fullmatch(r"[a-z2-9-]{19}", password)
    row = door.cli_json("user", "show", "carol@example.org")["account"]
    assert row["one_time"]


def test_a_vacation_for_somebody(door: Site, tmp_path: Path) -> None:
    door.add_user("dora@example.org")
    hands = Hands(Operator(door, tmp_path, "heidi", "helpdesk"))
    hands.press("4", see="address")
    hands.press("/", see="part of the address")
    hands.type("dora", see="dora@example.org")
    hands.press(ENTER, see="P.{1,40}Password")
    hands.press(ENTER, see="App passwords")
    hands.press("v", see="Vacation of")
    hands.type("I am away until May.", see="May")
    hands.press(CTRL_S, see="answered now")
    assert hands.leave() <= MOST
    view = door.cli_json("vacation", "show", "dora@example.org")
    assert (view["now"], view["text"]) == (True, "I am away until May.")


def send(site: Site, sender: str, to: str) -> str:
    with site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, f"MAIL FROM:<{sender}>")
        wire.must(250, f"RCPT TO:<{to}>")
        wire.must(354, "DATA")
        wire.send(b"Subject: test\r\n\r\nhello\r\n.\r\n")
        return wire.expect(250).lines[0].rpartition(" ")[2]


def test_where_is_my_mail(door: Site, tmp_path: Path) -> None:
    door.add_user("emil@example.org")
    send(door, "ann@client.test", "emil@example.org")
    hands = Hands(Operator(door, tmp_path, "holly", "helpdesk"))
    hands.press("3", see="Trace")
    hands.press("/", see="address")
    hands.type("emil@example.org", see="ann@client.test")
    hands.press(ENTER, see="Delivered")
    hands.press(ENTER, see="Accepted|Taken|taken|accepted")
    assert hands.leave() <= MOST


def test_a_false_positive_is_let_go(tmp_path: Path) -> None:
    with Site(tmp_path / "site") as site:
        site.configure('[antivirus]\nenabled = true\nencrypted = "quarantine"\n')
        site.add_user("alice@example.org")
        until_loaded(site.start())
        locked = bytearray(zipped(b"the minutes", "minutes.txt"))
        for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            locked[locked.find(signature) + flags] |= 1
        with site.wire(source="127.0.0.7") as wire:
            wire.must(250, "EHLO client.test")
            answer = wire.message("ann@client.test", ["alice@example.org"], mixed(HELLO, attached(bytes(locked))))
        assert answer.code == 250
        assert site.mailboxes("alice@example.org") == []
        hands = Hands(Operator(site, tmp_path, "paul", "postmaster"))
        hands.press("I", see="ann@client.test")
        hands.press(ENTER, see="Headers")
        hands.press("l", see="Release anyway")
        hands.press(RIGHT, ENTER, see="1 released")
        assert hands.leave() <= MOST
        assert len(site.mailboxes("alice@example.org")) == 1


_NOBODY = """
[[relay.route]]
domain = "clean.test"
to = "127.0.0.1:1"

[[relay.route]]
domain = "kept.test"
to = "127.0.0.1:1"
"""


def test_a_queue_is_cleaned_up(tmp_path: Path) -> None:
    with Site(tmp_path / "site") as site:
        site.configure(_NOBODY)
        until_loaded(site.start())
        for number in range(3):
            send(site, "alice@example.org", f"u{number}@clean.test")
        kept = send(site, "alice@example.org", "u@kept.test")
        site.queue_state("deferred", 4)
        hands = Hands(Operator(site, tmp_path, "paul", "postmaster"))
        hands.press("2", see="clean.test")
        hands.press("/", see="state:held")
        hands.type("domain:clean.test")
        hands.press(ENTER, see="filter: ")
        hands.press("*", see="3 marked")
        hands.press("d", see="Cancel")
        hands.press(RIGHT, RIGHT, ENTER, see="3 entries deleted")
        assert hands.leave() <= MOST
        assert [row["message"] for row in site.queue()] == [kept]
