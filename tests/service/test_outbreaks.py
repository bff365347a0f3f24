"""Outbreaks on a running service: what is seen of them, and that who is contained really is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backend.management import client
from tests.harness.clamd import EICAR, MISSING, TEST_FILES, Clamd
from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until
from tests.harness.wire import Wire
from tests.service.test_viruses import FORMS, HELLO, attached, mixed, send

OUTSIDE, HOST, HOME = "127.0.0.7", "127.0.0.9", "127.0.0.10"
BOB = "bob@example.org"
CLEAN = b"Subject: hello\r\n\r\nhello\r\n"
SETTINGS = f"""
[antivirus]
enabled = true

[relay]
networks = ["127.0.0.1/32", "{HOST}/32"]

[[relay.route]]
domain = "remote.test"
to = "127.0.0.1:9"

[workers]
smtp = 1
"""


class Service(Site):
    """Asked over the management socket: without the start of a command."""

    def call(self, name: str, **arguments: Any) -> Any:
        return client.call(self.folder / "run" / "management.sock", name, arguments)

    @contextmanager
    def logged_in(self, who: str, source: str = HOME) -> Iterator[Wire]:
        """A session of submission."""
        with self.wire(self.submissions, source=source, tls=True) as wire:
            wire.extensions()
            wire.log_in(who, PASSWORD)
            yield wire

    def told(self, subject: str) -> str:
        """All stories about it."""
        rows = self.call("trace.find", subject=subject)["rows"]
        return str([self.call("trace.show", id=row["id"]) for row in rows])

    def figures(self) -> dict[str, int]:
        """Sums by direction and what."""
        series = self.call("virus.figures", hours=1)["series"]
        return {f"{row['direction']} {row['what']}": sum(row["numbers"]) for row in series}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "site") as site:
        site.configure(SETTINGS)
        for name in ("alice", "bob"):
            site.add_user(f"{name}@example.org")
        site.start()
        yield site


def test_a_contained_account_sends_nothing_more_not_even_in_its_open_session(service: Service) -> None:
    with service.logged_in(BOB) as wire:
        assert str(wire.message(BOB, ["a@remote.test"], CLEAN)).startswith("250 ")
        assert str(wire.message(BOB, ["a@remote.test"], FORMS["zip"])).startswith("550 5.7.1 The message is infected")
        (alert,) = service.call("virus.list", sort="need")["rows"]
        assert (alert["kind"], alert["state"], alert["suspects"]) == ("outgoing", "open", [BOB])
        service.queue_state("deferred")
        said = service.cli("virus", "contain", BOB, "--why", "sends viruses", "--yes").stdout.decode()
        assert said.startswith("bob@example.org stopped; 1 entries of the queue are held.")
        refused = str(wire.ask(f"MAIL FROM:<{BOB}>"))
        assert refused.startswith("550 5.7.1 bob@example.org may not send mail any more"), refused
    assert [row["state"] for row in service.queue()] == ["held"]
    with service.wire(service.submissions, source=HOME, tls=True) as wire:
        wire.extensions()
        with pytest.raises(AssertionError):
            wire.log_in(BOB, PASSWORD)
    until(lambda: "suspended after it had logged in" in service.told(BOB), within=10)
    undo = service.call("deletions", what="virus.contain")["rows"][0]["id"]
    service.cli("undo", undo)
    assert [row["state"] for row in service.queue()] != ["held"]
    with service.logged_in(BOB) as wire:
        assert str(wire.message(BOB, ["a@remote.test"], CLEAN)).startswith("250 ")


def test_a_contained_host_sends_nothing_more_whoever_uses_it(service: Service) -> None:
    with service.wire(source=HOST) as wire, service.logged_in("alice@example.org", HOST) as submission:
        wire.must(250, "EHLO pc.example.org")
        assert str(wire.message("x@example.org", ["a@remote.test"], CLEAN)).startswith("250 ")
        assert str(wire.message("x@example.org", ["alice@example.org"], FORMS["raw"])).startswith("550 ")
        (alert,) = service.call("virus.list")["rows"]
        assert (alert["subject"], alert["suspects"]) == (HOST, [HOST])
        service.queue_state("deferred")
        made = service.call("virus.contain", what=[HOST], why="sends viruses", lasts=3_600)
        assert made["held"] == 1
        for to in ("alice@example.org", "a@remote.test"):
            wire.must(250, "MAIL FROM:<x@example.org>")
            refused = str(wire.ask(f"RCPT TO:<{to}>"))
            assert refused.startswith(f"550 5.7.1 {HOST} may not send mail now"), refused
            wire.must(250, "RSET")
        wire.must(250, "MAIL FROM:<x@example.org>")
        wire.must(250, "RCPT TO:<postmaster@example.org>")  # there one complains
        submission.must(250, "MAIL FROM:<alice@example.org>")
        submission.must(550, "RCPT TO:<a@remote.test>")
    with service.logged_in("alice@example.org") as elsewhere:
        assert str(elsewhere.message("alice@example.org", ["a@remote.test"], CLEAN)).startswith("250 ")
    assert service.call("virus.list")["rows"][0]["state"] == "contained"
    until(lambda: "one of our own hosts" in service.told(HOST), within=10)
    service.call("undo", id=made["undo"])
    with service.wire(source=HOST) as wire:
        wire.must(250, "EHLO pc.example.org")
        assert str(wire.message("x@example.org", ["a@remote.test"], CLEAN)).startswith("250 ")


def test_figures_count_each_message_once_and_an_alert_leads_to_its_stories(service: Service) -> None:
    for direction, times in (("in", 3), ("out", 2)):
        for _ in range(times):
            assert send(service, FORMS["base64"], direction).startswith("550 ")
        assert send(service, CLEAN, direction).startswith("250 ")
    expected = {
        "in looked at": 4, "in infected": 3, "in refused": 3, "out looked at": 3, "out infected": 2, "out refused": 2,
    }  # fmt: skip
    until(lambda: service.figures() == expected, within=10, why=f"{expected}; there is {service.figures()}")
    rows = service.call("virus.list")["rows"]
    assert {(row["kind"], row["count"]) for row in rows} == {("incoming", 3), ("outgoing", 2)}
    for row in rows:
        parts = service.call("virus.show", id=row["id"])["rows"]
        kinds = {part["kind"]: part["value"] for part in parts}
        assert kinds["address"] == (OUTSIDE if row["kind"] == "incoming" else "127.0.0.1")
        assert kinds["verdict"] == "yara: infected: EICAR_Test_File"
        assert len([part for part in parts if part["kind"] == "story"]) == row["count"]
        assert "infected" in service.call("trace.show", id=kinds["story"])["sentence"]


def test_what_is_in_quarantine_is_found_from_its_alert(service: Service) -> None:
    service.configure('[antivirus]\ninfected = "quarantine"\n')
    service.reload()
    until(lambda: send(service, FORMS["base64"], "in").startswith("250 "), within=10)
    row = service.call("virus.list")["rows"][0]
    story = next(part["value"] for part in service.call("virus.show", id=row["id"])["rows"] if part["kind"] == "story")
    assert "quarantine" in service.call("trace.show", id=story)["sentence"].lower()
    until(lambda: service.figures().get("in quarantined") == 1, within=10)


def test_rules_that_are_wrong_are_told_of_once_a_minute_and_not_for_each_message(service: Service) -> None:
    rules = service.folder / "yara"
    rules.mkdir()
    (rules / "own.yar").write_text("rule None { this is none")
    until(lambda: send(service, CLEAN, "in").startswith("250 ") and service.call("virus.list")["rows"], within=20)
    for _ in range(20):
        assert send(service, CLEAN, "in").startswith("250 ")
    (alert,) = service.call("virus.list")["rows"]
    assert (alert["kind"], alert["count"], alert["state"]) == ("engine", 1, "open")
    assert "the rules are wrong" in alert["words"]


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_disagreement_of_engines_is_kept_and_listed(tmp_path: Path) -> None:
    with Clamd(tmp_path / "clamd") as clamd, Service(tmp_path / "site") as site:
        site.configure(clamd.settings)
        site.add_user("alice@example.org")
        site.start()
        file = (TEST_FILES / "clam.zip").read_bytes()  # only clamd knows it
        assert "infected (ClamAV-Test-File" in send(site, mixed(HELLO, attached(file)), "in")
        assert "infected (" in send(site, mixed(HELLO, attached(EICAR)), "in")  # both know it
        page = site.call("virus.list", disagreed=True)
        assert (len(page["rows"]), page["disagreed"], site.call("virus.list")["total"]) == (1, 1, 2)
        (row,) = page["rows"]
        assert (row["subject"], row["disagreed"]) == ("ClamAV-Test-File.UNOFFICIAL", 1)
        assert row["words"] == "yara: clean, clamd: infected: ClamAV-Test-File.UNOFFICIAL"
        until(lambda: site.figures().get("in disagreed") == 1, within=10)
