"""Measure 20: no reverse resolution, no entry; a DNS failure is only deferred."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.harness import lying_dns
from tests.harness.dns import BROKEN, Dns, Silence
from tests.harness.lying_dns import LyingDns
from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until
from tests.harness.wire import Reply, Wire

ZONES = {
    "2.0.127.in-addr.arpa": "7 PTR mx.client.test.\n8 PTR elsewhere.client.test.\n9 PTR mx.broken.test.",
    "3.0.127.in-addr.arpa": BROKEN,
    "ip6.arpa": f"1.{'0.' * 30}0 PTR six.client.test.",
    "client.test": "mx A 127.0.2.7\nelsewhere A 127.0.2.99\nsix AAAA ::1",
    "broken.test": BROKEN,
}
ON = "[reverse_dns]\nenabled = true\n"
ALICE = "alice@example.org"


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    with Dns(tmp_path_factory.mktemp("dns"), ZONES) as running:
        yield running


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory, nameserver: Dns) -> Iterator[Site]:
    """A site that looks names up, and for which 127.0.4.0/24 is home."""
    with Site(tmp_path_factory.mktemp("reverse") / "site") as site:
        site.configure(nameserver.settings + ON + '[relay]\nnetworks = ["127.0.4.0/24"]')
        site.add_user(ALICE)
        yield site.start()


def rcpt(wire: Wire, recipient: str = ALICE) -> Reply:
    wire.must(250, "EHLO client.test")
    wire.must(250, "MAIL FROM:<ann@client.test>")
    return wire.ask(f"RCPT TO:<{recipient}>")


def answer(site: Site, source: str, recipient: str = ALICE) -> Reply:
    with site.wire(source=source) as wire:
        return rcpt(wire, recipient)


def test_no_name_is_refused(named: Site) -> None:
    reply = answer(named, "127.0.2.5")
    assert (reply.code, reply.status) == (550, "5.7.25")
    assert "127.0.2.5 has no name in the DNS (PTR)" in reply.text
    assert "postmaster@example.org" in reply.text


@pytest.mark.parametrize("source", ["127.0.3.5", "127.0.2.9"])
def test_a_dns_failure_is_only_deferred(named: Site, source: str) -> None:
    reply = answer(named, source)
    assert (reply.code, reply.status) == (451, "4.7.25")


def test_the_confirmed_name_stands_in_received_and_in_the_results(named: Site) -> None:
    with named.wire(source="127.0.2.7") as wire:
        wire.must(250, "EHLO client.test")
        assert wire.message("ann@client.test", [ALICE], b"Subject: named\r\n\r\nx\r\n").code == 250
    (message,) = [text for text in named.inbox(ALICE) if b"Subject: named" in text]
    assert b"Received: from client.test (mx.client.test [127.0.2.7])" in message
    assert b"iprev=pass (mx.client.test) policy.iprev=127.0.2.7" in message


def test_an_address_of_ipv6_has_a_name_too(named: Site) -> None:
    with Wire("::1", named.smtp) as wire:
        wire.must(250, "EHLO client.test")
        assert wire.message("ann@client.test", [ALICE], b"Subject: six\r\n\r\nx\r\n").code == 250
    (message,) = [text for text in named.inbox(ALICE) if b"Subject: six" in text]
    assert b"Received: from client.test (six.client.test [IPv6:::1])" in message
    assert b"iprev=pass (six.client.test) policy.iprev=::1" in message


def test_a_name_that_does_not_lead_back_is_marked_or_refused(named: Site, nameserver: Dns) -> None:
    with named.wire(source="127.0.2.8") as wire:
        wire.must(250, "EHLO client.test")
        assert wire.message("ann@client.test", [ALICE], b"Subject: marked\r\n\r\nx\r\n").code == 250
    (message,) = [text for text in named.inbox(ALICE) if b"Subject: marked" in text]
    assert b"Received: from client.test ([127.0.2.8])" in message
    assert b"iprev=fail (elsewhere.client.test) policy.iprev=127.0.2.8" in message


@pytest.mark.parametrize("recipient", ["postmaster@example.org", "abuse@example.org", "Postmaster"])
def test_the_desks_hear_everybody(named: Site, recipient: str) -> None:
    for source in ("127.0.2.5", "127.0.3.5"):
        assert answer(named, source, recipient).code == 250


def test_our_own_need_no_name(named: Site) -> None:
    assert answer(named, "127.0.4.5").code == 250
    with named.wire(named.submission, source="127.0.2.5") as wire:
        wire.extensions()
        wire.must(220, "STARTTLS")
        wire.start_tls()
        wire.extensions()
        wire.log_in(ALICE, PASSWORD)
        wire.must(250, f"MAIL FROM:<{ALICE}>")
        wire.must(250, f"RCPT TO:<{ALICE}>")


def test_the_trace_says_why(named: Site) -> None:
    answer(named, "127.0.2.6")
    words = "127.0.2.6 has no name in the DNS (PTR), which every mail host needs"
    until(lambda: words in named.cli("trace", "find", "127.0.2.6").stdout.decode())


def test_both_can_be_turned_round(tmp_path_factory: pytest.TempPathFactory, nameserver: Dns) -> None:
    with Site(tmp_path_factory.mktemp("turned") / "site") as site:
        site.configure(nameserver.settings + ON + 'missing = "mark"\nunconfirmed = "refuse"\n')
        site.add_user(ALICE)
        site.start()
        assert answer(site, "127.0.2.5").code == 250
        reply = answer(site, "127.0.2.8")
        assert (reply.code, reply.status) == (550, "5.7.25")
        assert "elsewhere.client.test" in reply.text


def test_lies_admit_nobody_and_refuse_nobody(site: Site) -> None:
    lies = {
        "11.2.0.127.in-addr.arpa": lying_dns.wrong_id("PTR", "mx.lie.test."),
        "12.2.0.127.in-addr.arpa": lying_dns.many("PTR", "h{n}.lie.test.", 10_000),
        "13.2.0.127.in-addr.arpa": lying_dns.endless_alias,
        "14.2.0.127.in-addr.arpa": lying_dns.alias_loop,
        "15.2.0.127.in-addr.arpa": lying_dns.nonsense,
        "16.2.0.127.in-addr.arpa": lying_dns.says("PTR", "mx.lie.test."),
        "lie.test": lying_dns.wrong_id("A", "127.0.2.16"),
    }
    with LyingDns(lies) as server:
        site.configure(server.settings + ON)
        site.add_user(ALICE)
        site.start()
        for number in range(11, 17):
            reply = answer(site, f"127.0.2.{number}")
            assert (reply.code, reply.status) == (451, "4.7.25"), f"127.0.2.{number}: {reply}"
        assert server.asked["lie.test"] <= 8


def test_a_dead_name_server_slows_nobody_who_needs_no_answer(site: Site) -> None:
    with Silence() as nobody:
        site.configure(
            f'[dns]\nnameservers = ["{nobody.address}"]\ntimeout_seconds = 10.0\nlifetime_seconds = 10.0\n{ON}'
        )
        site.add_user(ALICE)
        site.start()
        started = time.monotonic()
        with site.wire(source="127.0.2.5") as wire:
            wire.must(250, "EHLO client.test")
            wire.must(250, "MAIL FROM:<ann@client.test>")
            wire.must(550, "RCPT TO:<bob@remote.test>")  # relaying
            wire.must(550, "RCPT TO:<nobody@example.org>")
            wire.must(250, "RCPT TO:<postmaster@example.org>")
            wire.must(250, "RSET")
        with site.wire(source="127.0.0.1") as wire:
            assert rcpt(wire).code == 250
        assert time.monotonic() - started < 10.0  # all of it took less than one question that nobody answers
        reply = answer(site, "127.0.2.5")
        assert (reply.code, reply.status) == (451, "4.7.25")
