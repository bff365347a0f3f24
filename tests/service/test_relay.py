"""Nobody from outside sends to the world through us, in whatever form the address comes (RFC 2505)."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.harness.site import Site

OUTSIDE = "127.0.0.2"  # not in [relay] networks

FORMS = [
    "<victim@remote.test>",
    "<VICTIM@REMOTE.TEST>",
    "<victim@remote.test.>",
    '<"victim"@remote.test>',
    '<"victim@remote.test">',
    "<victim%remote.test@example.org>",
    "<victim%remote.test>",
    "<victim%remote.test@mail.example.org>",
    "<remote.test!victim@example.org>",
    "<remote.test!victim>",
    "<@example.org:victim@remote.test>",
    "<@mail.example.org:victim@remote.test>",
    "<@example.org,@mail.example.org:victim@remote.test>",
    "<victim@remote.test@example.org>",
    '<"victim@remote.test"@example.org>',
    '<"victim%remote.test"@example.org>',
    "<victim@[192.0.2.1]>",
    "<victim@[IPv6:2001:db8::1]>",
    "<victim%remote.test@[127.0.0.1]>",
    "<victim@remote.test@[127.0.0.1]>",
    "<victim@localhost>",
    "<@remote.test>",
    "<victim@>",
    "<>",
    "victim@remote.test",
    "<victim@xn--bcher-kva.test>",
    "<victim@example.org.remote.test>",
    "<victim@remote.test,example.org>",
    "<victim@remote.test\x00@example.org>",
    "<victim@remote.test (example.org)>",
]


@pytest.mark.parametrize("form", FORMS)
def test_outside_does_not_relay(shared_site: Site, form: str) -> None:
    before = shared_site.status()["queue"]["total"]
    with shared_site.wire(source=OUTSIDE) as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<spammer@remote.test>")
        answer = wire.ask(f"RCPT TO:{form}")
        assert answer.code in (501, 550, 553), answer
        assert answer.status.startswith("5."), answer
        wire.must(503, "DATA")
    assert shared_site.status()["queue"]["total"] == before


def test_a_utf8_address_does_not_relay(shared_site: Site) -> None:
    with shared_site.wire(source=OUTSIDE) as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<spammer@remote.test> SMTPUTF8")
        assert wire.ask("RCPT TO:<víctima@bücher.test>").status == "5.7.1"


@pytest.mark.parametrize("sender", ["<alice@example.org>", "<postmaster@example.org>", "<>", "<a@[127.0.0.1]>"])
def test_a_sender_of_ours_changes_nothing(shared_site: Site, sender: str) -> None:
    with shared_site.wire(source=OUTSIDE) as wire:
        wire.must(250, "EHLO client.test")
        if wire.ask(f"MAIL FROM:{sender}").code == 250:
            answer = wire.must(550, "RCPT TO:<victim@remote.test>")
            assert answer.status == "5.7.1"
            assert "postmaster@example.org" in answer.text


def test_inside_may_relay(shared_site: Site) -> None:
    with shared_site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<bob@remote.test>")
        wire.must(250, "RCPT TO:<erika@elsewhere.test>")


def test_who_always_exists(shared_site: Site) -> None:
    with shared_site.wire(source=OUTSIDE) as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<>")
        for name in ("postmaster", "Postmaster", "postmaster@example.org", "ABUSE@EXAMPLE.ORG", "abuse@example.org"):
            wire.must(250, f"RCPT TO:<{name}>")
        answer = wire.must(550, "RCPT TO:<noone@example.org>")
        assert answer.status == "5.1.1"


@pytest.mark.slow
def test_nmap_finds_no_open_relay(site: Site) -> None:
    nmap = shutil.which("nmap")
    if nmap is None:
        pytest.skip("nmap is not installed")
    site.configure('[relay]\nnetworks = ["192.0.2.0/24"]')
    site.start()
    command = [nmap, "-Pn", "-n", "-p", str(site.smtp), "--script", "+smtp-open-relay", "127.0.0.1"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    assert "Server doesn't seem to be an open relay" in said, said
    assert site.queue() == []
