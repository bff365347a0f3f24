"""Life of the service: settings that are wrong, reload, a taken port, limits across workers, a clean stop."""

from __future__ import annotations

import json
import socket

import pytest

from tests.harness.ports import free_port
from tests.harness.site import Site
from tests.harness.waiting import until
from tests.harness.wire import Closed


def test_wrong_settings_are_one_sentence(site: Site) -> None:
    site.config.write_text(site.config.read_text() + "\n[limits]\nrecipient = 3\n")
    done = site.cli("config", "check", check=False)
    line = site.config.read_text().splitlines().index("recipient = 3") + 1
    assert done.returncode == 2
    said = done.stderr.decode().strip()
    assert f"line {line}" in said
    assert '"recipients"' in said
    assert len(said.splitlines()) == 1
    assert site.cli("serve", check=False).returncode == 2


def test_reload_keeps_the_old_settings_when_the_new_are_wrong(site: Site) -> None:
    site.configure("[limits]\nrecipients = 2")
    site.start()

    def accepted() -> int:
        with site.wire() as wire:
            wire.must(250, "EHLO client.test")
            wire.must(250, "MAIL FROM:<>")
            return sum(wire.ask(f"RCPT TO:<postmaster+{n}@example.org>").code == 250 for n in range(5))

    assert accepted() == 2
    right = site.config.read_text()
    site.config.write_text(right.replace("recipients = 2", 'recipients = "many"'))
    site.reload()
    until(lambda: "going on with the old ones" in site.log_text())
    assert accepted() == 2
    site.config.write_text(right.replace("recipients = 2", "recipients = 4"))
    site.reload()
    until(lambda: accepted() == 4)


def test_a_taken_port_is_said_clearly(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.submission)):
        done = site.cli("serve", check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{site.submission} is taken" in done.stderr.decode()


def test_only_one_service_a_site(site: Site) -> None:
    site.start()
    done = site.cli("serve", check=False)
    assert done.returncode == 1
    assert "running already" in done.stderr.decode()


def test_a_role_that_dies_is_started_again_and_others_serve(site: Site) -> None:
    site.start()
    [management] = site.role_pids("management")
    site.kill("management")
    with site.wire() as wire:
        wire.must(250, "EHLO client.test")
    until(lambda: site.role_pids("management") not in ([], [management]))
    until(lambda: site.status()["service"] == "running")


def test_stop_finishes_what_is_under_way(site: Site) -> None:
    site.start()
    with site.wire() as busy, site.wire() as idle, socket.create_connection((site.host, site.submissions)):
        for wire in (busy, idle):
            wire.must(250, "EHLO client.test")
        busy.must(250, "MAIL FROM:<>")
        busy.must(250, "RCPT TO:<postmaster@example.org>")
        busy.must(354, "DATA")
        assert site.process is not None
        site.process.terminate()
        assert idle.reply().code == 421
        busy.send(b"Subject: last\r\n\r\nhello\r\n.\r\n")
        assert busy.reply().code == 250
    assert site.process.wait(60) == 0
    assert len(site.mailboxes("postmaster@example.org")) == 1  # and the command line works without the service


def test_messages_a_minute_across_workers(site: Site) -> None:
    site.configure("[limits]\nmessages_per_ip_per_minute = 5\n[workers]\nsmtp = 2")
    site.start()
    codes = []
    for _ in range(7):
        with site.wire() as wire:  # a connection each: both workers get some
            wire.must(250, "EHLO client.test")
            answer = wire.ask("MAIL FROM:<>")
            if answer.code == 250:
                wire.must(250, "RCPT TO:<postmaster@example.org>")
                wire.must(354, "DATA")
                wire.send(b"\r\nx\r\n.\r\n")
                wire.expect(250)
            codes.append(answer.code)
    assert codes == [250] * 5 + [450] * 2 or codes == [250] * 5 + [451] * 2
    with site.wire(source="127.0.0.2") as wire:  # another address has its own count
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<>")


def test_connections_from_one_address(site: Site) -> None:
    site.configure("[limits]\nconnections_per_ip = 4\n[workers]\nsmtp = 2")
    site.start()
    open_ones = [site.wire() for _ in range(4)]

    def refused() -> bool:
        with socket.create_connection(("127.0.0.1", site.smtp)) as one:
            return one.recv(1_000).startswith(b"421 4.7.0 ")

    # A worker looks for the counts of a new one each second; then either of them refuses.
    until(lambda: all(refused() for _ in range(20)))
    open_ones.pop().socket.close()

    def again() -> bool:
        with socket.create_connection(("127.0.0.1", site.smtp)) as one:
            return one.recv(3) == b"220"

    until(again)
    for one in open_ones:
        one.socket.close()


def test_slow_clients_are_sent_away(site: Site) -> None:
    site.configure("[limits]\ncommand_timeout = 3\ndata_timeout = 3")
    site.start()
    with site.wire() as wire:
        assert wire.reply().code == 421
        assert wire.ended()
    with site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<>")
        wire.must(250, "RCPT TO:<postmaster@example.org>")
        wire.must(354, "DATA")
        wire.send(b"Subject: s")
        assert wire.reply().code == 421
    assert site.mailboxes("postmaster@example.org") == []


def test_lockout(site: Site) -> None:
    site.configure("[limits]\nlockout_failures = 3\nlockout_seconds = 60")
    site.add_user("alice@example.org", "correct-horse")
    site.start()
    with site.wire(site.submissions, tls=True) as wire:
        wire.must(250, "EHLO client.test")
        import base64

        wrong = base64.b64encode(b"\0alice@example.org\0not this one").decode()
        right = base64.b64encode(b"\0alice@example.org\0correct-horse").decode()
        assert [wire.ask(f"AUTH PLAIN {wrong}").code for _ in range(3)] == [535] * 3
        assert wire.ask(f"AUTH PLAIN {right}").code in (454, 535)
    text = site.log_text() + json.dumps(site.cli_json("trace", "127.0.0.1"))
    assert "correct-horse" not in text
    assert "not this one" not in text
    site.cli("user", "unlock", "alice@example.org")


def test_loops_are_found(site: Site) -> None:
    site.start()
    with site.wire() as wire:
        wire.must(250, "EHLO client.test")
        hops = b"Received: from a by b; Tue, 24 Nov 2026 00:00:00 +0000\r\n"
        answer = wire.message("x@remote.test", ["postmaster@example.org"], hops * 101 + b"\r\nx\r\n")
        assert (answer.code, answer.status) == (554, "5.4.6")
        again = b"Delivered-To: postmaster@example.org\r\n\r\nx\r\n"
        answer = wire.message("x@remote.test", ["postmaster@example.org"], again)
        assert (answer.code, answer.status) == (554, "5.4.6")
    assert site.mailboxes("postmaster@example.org") == []


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 5_000])
def test_other_protocols(shared_site: Site, noise: bytes) -> None:
    with shared_site.wire() as wire:
        wire.send(noise)
        wire.send(b"\r\nNOOP\r\n")
        try:
            codes = [wire.reply().code for _ in range(2)]
        except (Closed, ValueError):
            codes = [500]
        assert codes[0] in (500, 502)
    assert "session failed" not in shared_site.log_text()
    assert free_port()
