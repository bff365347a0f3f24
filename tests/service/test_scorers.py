"""Scorers beside our own, and black lists of links, over the wire: what they say counts, and no mail waits for them."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from backend.content.spam.rules import GTUBE
from tests.harness import rspamd as rspamd_harness
from tests.harness import spamd as spamd_harness
from tests.harness.name_server import SERVFAIL, SILENCE, NameServer, Zone
from tests.harness.rspamd import Rspamd
from tests.harness.site import Site
from tests.harness.spamd import Spamd
from tests.harness.waiting import until
from tests.service.test_spam import SETTINGS, STRANGER

BOB = "bob@example.org"
SCORER = """
[[spam.scorer]]
name = "{name}"
kind = "{kind}"
address = "{address}"
seconds = {seconds}
"""
LISTED = [("A", "127.0.0.2")]
ZONE: Zone = {
    "test.black.test": LISTED,
    "spam.test.black.test": [*LISTED, ("TXT", [b"see \x1b[31m black.test"])],
    "9.1.100.198.black.test": LISTED,
    "test.refuses.test": LISTED,
    "spam.test.refuses.test": [("A", "127.0.0.1")],
    "errors.test.black.test": [("A", "127.255.255.254")],
    "test.silent.test": LISTED,
    "spam.test.silent.test": SILENCE,
    "test.fails.test": LISTED,
    "spam.test.fails.test": SERVFAIL,
    "example.org.black.test": LISTED,
    "google.com.black.test": LISTED,
}
LISTS = '[dnslists]\nenabled = true\ntimeout_seconds = 1.0\nown_addresses = ["127.0.2.25"]\n'
for _zone in ("black.test", "refuses.test", "silent.test", "fails.test"):
    LISTS += (
        f'[[dnslists.zone]]\nzone = "{_zone}"\nkind = "black"\nabout = ["url", "url_ip"]\nrefusals = ["127.0.0.1"]\n'
    )


def scorer(name: str, kind: str, address: object, seconds: float = 20.0) -> str:
    """A table of the settings."""
    return SCORER.format(name=name, kind=kind, address=address, seconds=seconds)


def letter(identity: str, text: str = "Hi Bob, the minutes are on the wiki.") -> bytes:
    """Good mail, but for its text."""
    return (
        f"From: Ann <ann@client.test>\r\nTo: {BOB}\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nSubject: minutes\r\n"
        f"Message-ID: <{identity}@client.test>\r\n\r\n{text}\r\n"
    ).encode()


def arrives(site: Site, identity: str, text: str = "Hi Bob, the minutes are on the wiki.") -> EmailMessage:
    """What is in the mailbox of a message that was sent."""
    with site.wire(source=STRANGER) as wire:
        wire.must(250, "EHLO client.test")
        assert wire.message("ann@client.test", [BOB], letter(identity, text)).code == 250
    mark = f"<{identity}@client.test>".encode()

    def there() -> bytes | None:
        return next((one for one in site.mailboxes(BOB) if mark in one), None)

    found = message_from_bytes(until(there, within=20, why="it is delivered") or b"", policy=policy.SMTP)
    assert isinstance(found, EmailMessage)
    return found


def told(site: Site, message: EmailMessage) -> str:
    """What the trace says of a message that has arrived."""
    identity = re.search(r"\sid\s+(\w+)", message["Received"])
    assert identity is not None
    return site.cli("trace", "show", identity[1]).stdout.decode()


def counted(message: EmailMessage) -> dict[str, float]:
    """The reasons in X-Spam-Status."""
    named = message["X-Spam-Status"].partition("tests=")[2].partition("version=")[0]
    return {name: float(points) for name, points in re.findall(r"(\w+)=(-?[\d.]+)", named)}


@pytest.fixture(scope="module")
def nameserver() -> Iterator[NameServer]:
    with NameServer(ZONE, ttl=1) as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, nameserver: NameServer) -> Iterator[Site]:
    """A site that marks, and asks lists of links."""
    with Site(tmp_path_factory.mktemp("scorers") / "site") as site:
        site.configure(SETTINGS + nameserver.settings + LISTS)
        site.add_user(BOB)
        site.start()
        until(lambda: len(site.cli_json("dnslist", "list")["rows"]) == 4, within=20)
        yield site


def test_a_link_to_a_listed_host_counts(site: Site) -> None:
    found = arrives(site, "linked", "see https://www.spam.test/offer now")
    assert counted(found)["BLACK_TEST"] == 4.0
    assert "Spam: it links to a host that black.test has, which counts 4.0 points." in told(site, found)


def test_an_address_counts_and_other_hosts_do_not(site: Site) -> None:
    assert counted(arrives(site, "bare", "see http://198.100.1.9/"))["BLACK_TEST"] == 4.0
    text = "see https://clean.test/ https://www.google.com/ https://www.example.org/ https://errors.test/"
    assert "BLACK_TEST" not in counted(arrives(site, "clean", text))


def test_a_list_that_refuses_fails_or_is_silent_lists_nobody(site: Site) -> None:
    began = time.monotonic()
    found = arrives(site, "liars", "see https://spam.test/offer")
    assert time.monotonic() - began < 15
    assert set(counted(found)) & {"REFUSES_TEST", "FAILS_TEST", "SILENT_TEST"} == set()
    said = told(site, found)
    assert "refuses.test could not say anything: it answers 127.0.0.1: it does not serve us" in said
    assert "silent.test could not say anything: it does not answer" in said


def test_no_mail_is_refused_for_its_links(site: Site) -> None:
    found = arrives(site, "marked", f"see https://spam.test/ {GTUBE}")
    assert found["Subject"] == "***SPAM*** minutes"


def test_the_command_line_shows_the_lists(site: Site, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(letter("cli", "see https://spam.test/offer"))
    answer = site.cli_json("spam", "score", str(tmp_path / "one.eml"))
    rows = {row["scorer"]: row for row in answer["scorers"]}
    assert (rows["black.test"]["outcome"], rows["black.test"]["points"]) == ("scored", 4.0)
    assert rows["refuses.test"]["outcome"] == "failed"
    assert "BLACK_TEST" in {reason["name"] for reason in answer["reasons"]}
    text = site.cli("scan", str(tmp_path / "one.eml")).stdout.decode()
    assert re.search(r"(?m)^mailconsole +scored", text)
    assert re.search(r"(?m)^black.test +scored +4.0 ", text)
    answer = site.cli_json("dnslist", "check", "spam.test")
    assert answer["black"] == 0.0, "a list of links refuses nobody"
    assert next(row for row in answer["rows"] if row["zone"] == "black.test")["state"] == "listed"


# Programs of others


class Liar:
    """A server on a port that answers everything with the same bytes, or takes it and says nothing."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Liar:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        kept = []
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            if self.answer is None:
                kept.append(line)
                continue
            with line:
                line.recv(65_536)
                line.sendall(self.answer)


def test_liars_cost_their_seconds_and_the_postmaster_is_told_once(site: Site) -> None:
    lie = b'HTTP/1.1 200 OK\r\n\r\n{"score": 1e308, "symbols": {}}'
    with Liar(None) as silent, Liar(lie) as liar, Liar(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000) as long:
        site.configure(
            scorer("silent", "spamassassin", silent.address, 1.0)
            + scorer("liar", "rspamd", liar.address, 1.0)
            + scorer("long", "rspamd", long.address, 1.0)
            + scorer("none", "rspamd", site.folder / "no-socket", 1.0)
        )
        site.reload()
        until(lambda: "liar" in told(site, arrives(site, f"wait{time.monotonic_ns()}")), within=20, every=0.5)
        began = time.monotonic()
        found = arrives(site, "lied")
        assert time.monotonic() - began < 10
    said = told(site, found)
    assert found["Subject"] == "minutes"
    assert set(counted(found)) & {"SILENT", "LIAR", "LONG", "NONE"} == set()
    for name in ("silent", "liar", "long", "none"):
        assert re.search(rf"Spam: {name} (could not say anything|was not asked): ", said)

    def alerts() -> dict[str, int]:
        rows = site.cli_json("virus", "list")["rows"]
        return {row["subject"]: row["count"] for row in rows if row["kind"] == "scorer"}

    assert until(lambda: len(alerts()) == 4, within=20)
    assert set(alerts().values()) == {1}, "once a minute of a worker at the most"
    site.configure("[spam]\nscorer = []\n")
    site.reload()


@pytest.mark.skipif(bool(rspamd_harness.MISSING), reason=rspamd_harness.MISSING)
@pytest.mark.slow
def test_a_real_rspamd(site: Site, nameserver: NameServer, tmp_path: Path) -> None:
    with Rspamd(tmp_path / "rspamd", nameserver.address) as rspamd:
        site.configure(scorer("rspamd", "rspamd", rspamd.address) + scorer("by-socket", "rspamd", rspamd.socket))
        site.reload()
        until(lambda: "rspamd" in told(site, arrives(site, f"wait{time.monotonic_ns()}")), within=20, every=0.5)
        said = told(site, arrives(site, "rspamd"))
        assert re.search(r"Spam: rspamd gives -?[\d.]+ points \(-?[\d.]+ where 6.0 is spam: [A-Z_]+", said)
        assert re.search(r"Spam: by-socket gives ", said)
        found = arrives(site, "rspamd-gtube", GTUBE)
        assert counted(found)["RSPAMD"] == 10.0  # what it may give
        assert process_of(rspamd) is not None


@pytest.mark.skipif(bool(spamd_harness.MISSING), reason=spamd_harness.MISSING)
@pytest.mark.slow
def test_a_real_spamd_stopped_and_going_on(site: Site, nameserver: NameServer, tmp_path: Path) -> None:
    with Spamd(tmp_path / "spamd", nameserver.address) as spamd:
        address = spamd.address
        site.configure(scorer("spamassassin", "spamassassin", address) + scorer("sa", "spamassassin", spamd.socket))
        site.reload()
        until(lambda: "Spam: sa" in told(site, arrives(site, f"wait{time.monotonic_ns()}")), within=30, every=0.5)
        found = arrives(site, "spamd-gtube", GTUBE)
        assert counted(found)["SPAMASSASSIN"] == 10.0
        said = told(site, found)
        assert re.search(r"Spam: spamassassin gives 10.0 points \(\d{3,4}[\d.]* where 5.0 is spam: .*\bGTUBE\b", said)
        assert "Spam: sa gives 10.0 points" in said
        (tmp_path / "one.eml").write_bytes(letter("cli-gtube", GTUBE))
        rows = {row["scorer"]: row for row in site.cli_json("scan", str(tmp_path / "one.eml"))["scorers"]}
        assert "GTUBE" in rows["sa"]["symbols"]
        process = process_of(spamd)
        os.kill(process, signal.SIGKILL)
    found = arrives(site, "spamd-dead")
    assert "Spam: spamassassin could not say anything: it cannot be reached" in told(site, found)
    assert found["X-Spam-Status"].startswith("No, ")


def process_of(one: Rspamd | Spamd) -> int:
    """Its number."""
    assert one.process is not None
    assert one.process.poll() is None
    return one.process.pid
