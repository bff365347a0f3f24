"""Signatures over real sockets, with keys in a real name server: what comes in is verified, what leaves is signed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim
import dns.resolver
import pytest

from backend.policy.dkim import sign
from tests.harness import opendkim
from tests.harness.dns import BROKEN, Dns, Silence
from tests.harness.keys import pair, published, zone
from tests.harness.sink import Sink
from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until

OUTSIDE = "127.0.0.2"  # not in [relay] networks
ALICE = "alice@example.org"
SETTINGS = """
[dkim]
enabled = true
look_seconds = 1
settle_minutes = 0
replay_recipients = 3
[arc]
enabled = true
[delivery]
connect_timeout = 2
idle_connection = 0
"""
HEAD = (
    b"From: Ann <ann@client.test>\r\nTo: alice@example.org\r\nSubject: hello\r\n"
    b"Date: today\r\nMessage-ID: <%d@client.test>\r\n"
)
BODY = "Dear Alice,\r\n.\r\n..dots\r\n\r\n  Grüße \t —\r\n\r\n\r\n".encode()


class Place:
    """A service, a name server for it and its peers, and where its mail to remote.test goes."""

    def __init__(self, site: Site, dns: Dns, sink: Sink) -> None:
        self.site, self.dns, self.sink = site, dns, sink
        self._number = 0

    def signed(self, body: bytes = BODY, head: bytes = HEAD) -> bytes:
        """A message of client.test with both signatures, another one each time."""
        self._number += 1
        section = head % self._number
        return sign.sign(section, body, pair("client.test"), time.time()) + section + b"\r\n" + body

    def bring(self, message: bytes, *recipients: str, code: int = 250) -> str:
        """From a stranger; the reply's text."""
        with self.site.wire(source=OUTSIDE) as wire:
            wire.must(250, "EHLO client.test")
            answer = wire.message("ann@client.test", list(recipients or (ALICE,)), message)
            assert answer.code == code, answer
            return str(answer)

    def submit(self, message: bytes, recipient: str) -> None:
        """From Alice, who logs in."""
        with self.site.wire(self.site.submissions, tls=True) as wire:
            wire.must(250, "EHLO client.test")
            wire.log_in(ALICE, PASSWORD)
            assert wire.message(ALICE, [recipient], message).code == 250

    def newest(self, address: str = ALICE) -> bytes:
        """The message in a mailbox that came last."""
        return max(self.site.mailboxes(address), key=_received)

    def text(self, name: bytes, timeout: float = 5) -> bytes:
        """A record, as dkimpy asks for it."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], self.dns.port
        return b"".join(resolver.resolve(name.decode(), "TXT")[0].strings)

    def rows(self) -> list[dict[str, Any]]:
        """`dkim list`."""
        rows: list[dict[str, Any]] = self.site.cli_json("dkim", "list")["rows"]
        return rows

    def states(self) -> dict[str, list[str]]:
        """Selectors by their state."""
        found: dict[str, list[str]] = {}
        for row in self.rows():
            found.setdefault(row["state"], []).append(row["selector"])
        return found

    def publish(self) -> None:
        """What `dkim text` says."""
        records = {row["name"]: row["text"] for row in self.site.cli_json("dkim", "text", "example.org")["records"]}
        self.dns.change({"example.org": zone(records, "example.org")})


def _received(message: bytes) -> str:
    found = re.search(rb" id (\w+)", message)
    return found[1].decode() if found else ""


def results(message: bytes) -> str:
    """Our Authentication-Results, on one line."""
    found = re.search(rb"^Authentication-Results: mail\.example\.org;(.*\r?\n(?:[ \t].*\r?\n)*)", message, re.MULTILINE)
    assert found, message[:2000]
    return re.sub(r"\s+", " ", found[1].decode()).strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("dkim")
    zones = {"client.test": zone(published("client.test"), "client.test"), "example.org": "", "broken.test": BROKEN}
    with Dns(folder / "nsd", zones) as name_server, Sink() as sink, Site(folder / "site") as site:
        site.configure(SETTINGS + name_server.settings)
        site.configure(f'[[relay.route]]\ndomain = "remote.test"\nto = "{sink.address}"')
        site.add_user(ALICE)
        site.add_user("bob@example.org")
        site.add_alias("away@example.org", "friend@remote.test")
        site.cli("dkim", "make", "example.org")
        site.start()
        made = Place(site, name_server, sink)
        assert {row["state"] for row in made.rows()} == {"waiting"}
        made.publish()
        until(lambda: made.states().get("active"), every=0.3, why="the DNS shows the keys, so they sign")
        yield made


def sent(place: Place, recipient: str) -> bytes:
    """What the sink has got for somebody."""

    def here() -> bytes:
        return next((one.data for one in place.sink.messages if recipient in one.recipients), b"")

    return until(here, every=0.1, why=f"mail for {recipient}")


def verified(place: Place, message: bytes) -> list[bool]:
    """What dkimpy says of each signature."""
    number = re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0].count(b"DKIM-Signature:")
    return [dkim.DKIM(message).verify(idx=index, dnsfunc=place.text) for index in range(number)]


@pytest.mark.parametrize("body", [BODY, b"large \t \r\n" * 40_000 + b"\r\n\r\n"], ids=["small", "large"])
def test_what_a_user_sends_leaves_with_both_signatures(place: Place, body: bytes, tmp_path: Path) -> None:
    to = f"signed{len(body)}@remote.test"
    place.submit(f"From: Alice <{ALICE}>\r\nTo: {to}\r\nSubject: hello\r\n\r\n".encode() + body, to)
    message = sent(place, to)
    assert re.findall(rb"a=(\S+);", message) == [b"rsa-sha256", b"ed25519-sha256"]
    assert message.count(b"Message-ID:") == message.count(b"Date:") == 1  # ours, and signed: they are in h=
    assert verified(place, message) == [True, True]
    if opendkim.HERE:
        assert opendkim.verify(tmp_path, message, place.dns.address) == ["pass", "pass"]


def test_who_is_not_of_ours_is_not_signed_for(place: Place) -> None:
    to = "unsigned@remote.test"
    place.submit(f"From: ann@client.test\r\nTo: {to}\r\nSubject: hello\r\n\r\nhello\r\n".encode(), to)
    assert b"DKIM-Signature" not in sent(place, to)
    both = "twice@remote.test"
    place.submit(f"From: {ALICE}\r\nFrom: {ALICE}\r\nTo: {both}\r\n\r\nhello\r\n".encode(), both)
    assert b"DKIM-Signature" not in sent(place, both)


def test_an_own_network_is_signed_for(place: Place) -> None:
    to = "printer@remote.test"
    with place.site.wire() as wire:
        wire.must(250, "EHLO printer.example.org")
        head = b"From: printer@example.org\r\nDate: today\r\nMessage-ID: <p@example.org>\r\n"
        assert wire.message("printer@example.org", [to], head + b"\r\nno paper\r\n").code == 250
    assert verified(place, sent(place, to)) == [True, True]


def test_a_good_signature_is_noted(place: Place) -> None:
    place.bring(place.signed())
    found = results(place.newest())
    assert found.count("dkim=pass") == 2
    for words in ("header.d=client.test", "header.i=@client.test", "header.s=rsa", "header.a=rsa-sha256", "header.b="):
        assert words in found
    assert "arc=none" in found
    [newest, *_] = place.site.cli_json("trace", "find", "ann@client.test")["rows"]
    story = place.site.cli_json("trace", "show", newest["id"])
    assert "DKIM: its signature is good" in str(story)


def test_a_forged_signature_is_noted_and_taken(place: Place) -> None:
    place.bring(place.signed().replace(b"Dear Alice", b"Dear Malice"))
    assert results(place.newest()).count("dkim=fail (the body was changed)") == 2
    claim = b"Authentication-Results: mail.example.org; dkim=pass header.d=client.test\r\n"
    place.bring(claim + HEAD % 0 + b"\r\nhi\r\n")
    assert "dkim=none" in results(place.newest())
    assert b"dkim=pass" not in place.newest()


def test_a_large_message_is_verified(place: Place) -> None:
    large = place.signed(b"a line of  text \r\n" * 100_000 + b"\r\n\r\n")
    place.bring(large)
    assert results(place.newest()).count("dkim=pass") == 2
    place.bring(large.replace(b"a line", b"a lime", 1))
    assert results(place.newest()).count("dkim=fail") == 2


def test_a_mebibyte_of_signatures_is_taken(place: Place) -> None:
    one = b"DKIM-Signature: v=1; a=rsa-sha256; d=client.test; s=rsa; h=from; bh=AAAA; b=AAAA\r\n"
    place.bring(one * 12_000 + place.signed())
    found = results(place.newest())
    assert found.count("dkim=fail (the body was changed)") == 10
    assert "dkim=policy (11992 more signatures were not looked at)" in found


def test_a_name_server_that_fails_is_no_verdict(place: Place) -> None:
    section = HEAD % 77
    place.bring(sign.sign(section, BODY, pair("broken.test"), time.time()) + section + b"\r\n" + BODY)
    found = results(place.newest())
    assert found.count("dkim=temperror (the DNS does not say the key now)") == 2


def test_one_signature_for_too_many_is_a_replay(place: Place) -> None:
    message = place.signed()
    for _ in range(3):
        place.bring(message)
        assert "dkim=pass" in results(place.newest())
    place.bring(message)
    found = results(place.newest())
    assert found.count("dkim=policy (replayed: it came for more than 3 recipients in 24 hours)") == 2
    place.bring(place.signed())
    assert "dkim=pass" in results(place.newest())


def test_what_an_alias_sends_on_is_sealed(place: Place) -> None:
    place.bring(place.signed(), "away@example.org", ALICE)
    forwarded = sent(place, "friend@remote.test")
    assert dkim.arc_verify(forwarded, dnsfunc=place.text)[0] == dkim.CV_Pass
    assert b"ARC-Authentication-Results: i=1; mail.example.org;" in forwarded
    assert verified(place, forwarded) == [True, True]  # those of client.test, which we leave whole
    place.bring(forwarded.replace(b"Delivered-To", b"X-Was"), ALICE)
    assert "arc=pass (1 set; sealed last by example.org) smtp.remote-ip=127.0.0.2" in results(place.newest())


def test_reports_and_vacations_are_signed(place: Place) -> None:
    place.sink.script = {"RCPT": lambda line: "550 5.1.1 unknown" if "nobody" in line else ""}
    place.submit(
        f"From: {ALICE}\r\nTo: nobody@remote.test\r\nSubject: x\r\n\r\nhello\r\n".encode(), "nobody@remote.test"
    )

    def report() -> bytes:
        return next((one for one in place.site.mailboxes(ALICE) if b"multipart/report" in one), b"")

    assert verified(place, until(report, every=0.3, why="the report")) == [True, True]
    place.site.cli("vacation", "set", "bob@example.org", "I am away.")
    with place.site.wire(source=OUTSIDE) as wire:
        wire.must(250, "EHLO client.test")
        head = b"From: pen@remote.test\r\nTo: bob@example.org\r\nSubject: you there?\r\nMessage-ID: <v@remote.test>\r\n"
        text = head + b"\r\nhi\r\n"
        assert wire.message("pen@remote.test", ["bob@example.org"], text).code == 250
    answer = sent(place, "pen@remote.test")
    assert b"From: <bob@example.org>" in answer
    assert verified(place, answer) == [True, True]


def test_the_life_of_keys(place: Place) -> None:
    site = place.site
    old = place.states()["active"]
    site.cli("dkim", "rotate", "example.org")
    new = place.states()["waiting"]
    to = "before@remote.test"
    place.submit(f"From: {ALICE}\r\nTo: {to}\r\n\r\nhello\r\n".encode(), to)
    assert all(name.encode() in sent(place, to) for name in old)  # what nobody can look up signs nothing
    until(lambda: {row["dns"] for row in place.rows() if row["selector"] in new} == {"missing"}, every=0.3)

    place.publish()
    until(lambda: place.states().get("active") == new, every=0.3, why=f"the new pair signs: {place.rows()}")
    assert sorted(place.states()["retiring"]) == sorted(old)
    to = "after@remote.test"
    place.submit(f"From: {ALICE}\r\nTo: {to}\r\n\r\nhello\r\n".encode(), to)
    message = sent(place, to)
    assert all(name.encode() in message for name in new)
    assert not any(f"s={name};".encode() in message for name in old)
    assert verified(place, message) == verified(place, sent(place, "before@remote.test")) == [True, True]

    site.configure("[dkim]\noverlap_days = 0")
    site.reload()
    until(lambda: sorted(place.states().get("revoked", [])) == sorted(old), every=0.3, why="they are revoked")
    place.publish()
    assert verified(place, sent(place, "before@remote.test")) == [False, False]
    for selector in old:
        site.cli("dkim", "delete", "example.org", selector)
    log = site.cli_json("audit-log", "list")["rows"]
    assert [row["user"] for row in log if row["action"] == "dkim.revoke"] == ["mailconsole"]
    assert site.cli_json("audit-log", "verify")["broken"] is None


def test_a_dead_name_server_refuses_nobody(place: Place) -> None:
    with Silence() as silence:
        place.site.configure(
            f'[dns]\nnameservers = ["{silence.address}"]\ntimeout_seconds = 0.3\nlifetime_seconds = 0.6'
        )
        place.site.reload()
        message = place.signed()

        def unanswered() -> bool:
            place.bring(message)
            return results(place.newest()).count("dkim=temperror") == 2

        until(unanswered, every=0.5, why="the settings are reloaded")


def test_a_site_may_refuse_what_fails(place: Place) -> None:
    place.site.configure('[dkim]\nfailed = "reject"\n' + place.dns.settings)
    place.site.reload()
    forged = place.signed().replace(b"Dear Alice", b"Dear Malice")

    def refused() -> bool:
        with place.site.wire(source=OUTSIDE) as wire:
            wire.must(250, "EHLO client.test")
            answer = wire.message("ann@client.test", [ALICE], forged)
            return answer.code == 550 and answer.status == "5.7.20" and "the body was changed" in answer.text

    until(refused, every=0.5, why="the settings are reloaded")
    place.bring(place.signed())
    place.bring(HEAD % 1 + b"\r\nnot signed\r\n")
    section = HEAD % 78
    place.bring(sign.sign(section, BODY, pair("broken.test"), time.time()) + section + b"\r\n" + BODY)
