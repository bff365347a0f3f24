"""Mail to the world: relayed, deferred, returned; whatever the other host does, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.dns import BROKEN, Dns, Silence
from tests.harness.ports import free_port
from tests.harness.sink import CLOSE, HANG, Sink
from tests.harness.site import Site
from tests.harness.smtp_sink import SmtpSink
from tests.harness.waiting import until

QUICK = """
[delivery]
connect_timeout = 2
command_timeout = 2
data_timeout = 2
idle_connection = 0
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Sink]]:
    """A service whose mail for remote.test goes to a sink that does as the test says."""
    with Sink() as sink, Site(tmp_path_factory.mktemp("delivery") / "site") as site:
        site.configure(QUICK + f'[[relay.route]]\ndomain = "remote.test"\nto = "{sink.address}"')
        site.add_user("alice@example.org")
        yield site.start(), sink


def send(site: Site, *recipients: str, sender: str = "alice@example.org", options: str = "", rcpt: str = "") -> str:
    """A message; its queue id."""
    with site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, f"MAIL FROM:<{sender}>{options}")
        for recipient in recipients:
            wire.must(250, f"RCPT TO:<{recipient}>{rcpt}")
        wire.must(354, "DATA")
        wire.send(b"Subject: test\r\nMessage-ID: <m@client.test>\r\n\r\nhello\r\n.\r\n")
        return wire.expect(250).lines[0].rpartition(" ")[2]


def entry(site: Site, message: str) -> dict[str, object]:
    """The one entry of a message that has been tried."""

    def tried() -> dict[str, object] | None:
        rows = site.queue("--message", message)
        return rows[0] if rows and rows[0]["attempts"] and rows[0]["state"] == "deferred" else None

    found = until(tried, every=0.2, why=f"{message} tried; {site.log_text()[-2000:]}")
    assert found is not None
    return found


def test_relayed_to_smtp_sink(site: Site, tmp_path: Path) -> None:
    with SmtpSink(tmp_path / "kept") as sink:
        site.configure(f'[relay]\nsmarthost = "{sink.address}"')
        site.start()
        for number in range(20):
            send(site, f"p{number}@anywhere.test", f"q{number}@elsewhere.test")
        site.queue_empty()
        kept = until(lambda: len(sink.messages()) >= 20 and sink.messages())
    assert kept
    assert sum(message.count(b"X-Rcpt-Args") for message in kept) == 40


def test_one_body_for_many_recipients(service: tuple[Site, Sink]) -> None:
    site, sink = service
    sink.script = {}
    sink.messages.clear()
    send(site, *(f"p{number}@remote.test" for number in range(30)))
    until(lambda: sum(len(message.rcpts) for message in sink.messages) == 30)
    assert len(sink.messages) == 1
    assert sink.messages[0].data.endswith(b"\r\n\r\nhello\r\n")
    site.queue_empty()


@pytest.mark.parametrize("stage", ["BANNER", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
@pytest.mark.parametrize("what", [HANG, CLOSE, "451 4.3.0 later", "garbage", "199 what"])
def test_a_host_that_misbehaves_defers(service: tuple[Site, Sink], stage: str, what: str) -> None:
    site, sink = service
    sink.script = {stage: what, "HELO": what} if stage == "EHLO" else {stage: what}
    message = send(site, f"{stage}@remote.test".lower())
    found = entry(site, message)
    assert found["error"]
    sink.script = {}
    sink.messages.clear()
    site.cli("queue", "retry", str(found["id"]))
    until(lambda: sink.messages, why="the retry")
    until(lambda: not site.queue("--message", message))


def test_5xx_is_returned_to_the_sender(service: tuple[Site, Sink]) -> None:
    site, sink = service
    site.add_user("bounce@example.org")
    sink.script = {"RCPT": lambda line: "550 5.1.1 no such person" if "gone" in line else "250 2.1.5 ok"}
    sink.messages.clear()
    send(site, "gone@remote.test", "here@remote.test", sender="bounce@example.org", options=" ENVID=xyz RET=HDRS")
    [report] = site.inbox("bounce@example.org")
    assert b"Return-Path: <>" in report
    assert b"multipart/report; report-type=delivery-status" in report
    assert b"Final-Recipient: rfc822; gone@remote.test" in report
    assert b"Status: 5.1.1" in report
    assert b"Original-Envelope-Id: xyz" in report
    assert b"Diagnostic-Code: smtp; 550 5.1.1 no such person" in report
    assert b"text/rfc822-headers" in report
    assert b"here@remote.test" not in report
    assert sink.messages[-1].recipients == ["here@remote.test"]
    site.queue_empty()


def test_never_for_the_null_sender_and_never_for_never(service: tuple[Site, Sink]) -> None:
    site, sink = service
    site.add_user("never@example.org")
    sink.script = {"RCPT": "550 5.1.1 no such person"}
    send(site, "gone@remote.test", sender="")
    send(site, "gone@remote.test", sender="never@example.org", rcpt=" NOTIFY=NEVER")
    site.queue_empty()
    sink.script = {}
    assert site.mailboxes("never@example.org") == []
    assert site.mailboxes("postmaster@example.org") == []


def test_success_notices(service: tuple[Site, Sink]) -> None:
    site, sink = service
    sink.script = {}
    site.add_user("success@example.org")
    send(site, "p@remote.test", "alice@example.org", sender="success@example.org", rcpt=" NOTIFY=SUCCESS")

    def actions() -> list[bytes]:
        reports = site.mailboxes("success@example.org")  # one or two: what comes at once is told at once
        return sorted(line for report in reports for line in report.split(b"\n") if line.startswith(b"Action: "))

    until(lambda: actions() == [b"Action: delivered", b"Action: relayed"], every=0.5)


def test_hold_release_delete_with_notice(service: tuple[Site, Sink]) -> None:
    site, sink = service
    site.add_user("steer@example.org")
    sink.script = {"RCPT": "450 4.2.0 later"}
    message = send(site, "p@remote.test", sender="steer@example.org")
    identity = str(entry(site, message)["id"])
    site.cli("queue", "hold", identity)
    assert site.queue("--message", message)[0]["state"] == "held"
    site.cli("queue", "retry", identity)
    assert site.queue("--message", message)[0]["state"] == "held"
    assert site.cli("queue", "delete", check=False).returncode == 2
    site.cli("queue", "release", "--sender", "steer@*")
    assert entry(site, message)["attempts"] == 2
    site.cli("queue", "delete", identity, "--notice", "not wanted here")
    [report] = site.inbox("steer@example.org")
    assert b"not wanted here" in report
    sink.script = {}


def test_mx_fallback_null_mx_and_dead_dns(tmp_path: Path) -> None:
    port = free_port("127.0.0.12")
    zones = {
        "mx.test": "@ MX 10 dead\n@ MX 20 alive\ndead A 127.0.0.11\nalive A 127.0.0.12",
        "implicit.test": "@ A 127.0.0.12",
        "null.test": "@ MX 0 .",
        "broken.test": BROKEN,
        "nowhere.test": "@ TXT none",
    }
    with (
        Dns(tmp_path / "dns", zones) as dns,
        Sink(host="127.0.0.12", port=port) as sink,
        Site(tmp_path / "site") as site,
    ):
        site.configure(f"{QUICK}port = {port}\n{dns.settings}")
        site.add_user("alice@example.org")
        site.start()
        send(site, "p@mx.test")
        send(site, "p@implicit.test")
        until(lambda: len(sink.messages) == 2)
        send(site, "p@null.test")
        send(site, "p@nxdomain.test")
        send(site, "p@nowhere.test")
        reports = b"".join(site.inbox("alice@example.org", 3))
        assert b"Status: 5.1.10" in reports
        assert reports.count(b"Status: 5.1.2") == 2
        found = entry(site, send(site, "p@broken.test"))
        assert "SERVFAIL" in str(found["error"])


def test_a_silent_name_server_defers_and_recovers(tmp_path: Path) -> None:
    port = free_port("127.0.0.12")
    with Sink(host="127.0.0.12", port=port) as sink, Site(tmp_path / "site") as site:
        with Silence() as silence:
            site.configure(
                f"{QUICK}port = {port}\n"
                f"[dns]\nnameservers = ['{silence.address}']\ntimeout_seconds = 1.0\nlifetime_seconds = 2.0\n"
            )
            site.start()
            found = entry(site, send(site, "p@back.test"))
        with Dns(tmp_path / "dns", {"back.test": "@ A 127.0.0.12"}) as dns:
            site.configure(dns.settings)
            site.reload()
            site.cli("queue", "retry", str(found["id"]))
            until(lambda: sink.messages)
