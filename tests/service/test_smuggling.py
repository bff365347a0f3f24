"""A false end of data, plain text before TLS, and other ways to say two things at once."""

from __future__ import annotations

import pytest

from tests.harness.site import Site
from tests.harness.wire import Closed

ENDS = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\r\n.\r\r\n",
]
SECOND = b"MAIL FROM:<evil@remote.test>\r\nRCPT TO:<postmaster@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\n"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("pieces", ["whole", "bytes"])
def test_a_false_end_starts_no_second_message(shared_site: Site, end: bytes, pieces: str) -> None:
    before = len(shared_site.mailboxes("postmaster@example.org"))
    data = b"Subject: first\r\n\r\nhello" + end + SECOND + b"evil\r\n.\r\n"
    with shared_site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<x@remote.test>")
        wire.must(250, "RCPT TO:<postmaster@example.org>")
        wire.must(354, "DATA")
        if pieces == "whole":
            wire.send(data)
        else:
            for byte in data:
                wire.send(bytes([byte]))
        answer = wire.reply()
        assert answer.code == 554, answer
        assert answer.status.startswith("5.6."), answer
    assert len(shared_site.mailboxes("postmaster@example.org")) == before


def test_plain_text_behind_starttls_is_thrown_away(shared_site: Site) -> None:
    with shared_site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.send(b"STARTTLS\r\nEHLO injected.test\r\nMAIL FROM:<evil@remote.test>\r\n")
        wire.expect(220)
        wire.start_tls()
        wire.must(503, "RCPT TO:<postmaster@example.org>")
        wire.must(503, "MAIL FROM:<x@remote.test>")
        assert "STARTTLS" not in wire.extensions()


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\rNOOP\r\n"])
def test_commands_end_with_crlf_only(shared_site: Site, line: bytes) -> None:
    with shared_site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.send(line)
        assert wire.reply().code == 500


def test_a_line_without_end(shared_site: Site) -> None:
    with shared_site.wire() as wire:
        wire.send(b"A" * 100_000 + b"\r\n")
        assert wire.reply().code == 500
        wire.must(250, "EHLO client.test")


def test_bdat_swallows_what_it_announces(shared_site: Site) -> None:
    with shared_site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.send(b"BDAT 20 LAST\r\nMAIL FROM:<a@b.c>\r\n.")
        assert wire.reply().code == 503
        wire.must(250, "NOOP")
        wire.send(b"BDAT x\r\n")
        assert wire.reply().code == 501
        with pytest.raises(Closed):
            wire.ask("NOOP")


def test_too_many_errors(shared_site: Site) -> None:
    with shared_site.wire() as wire:
        for _ in range(19):
            assert wire.ask("NONSENSE").code == 500
        wire.send(b"NONSENSE\r\n")
        codes = [wire.reply().code]
        if codes == [500]:
            codes.append(wire.reply().code)
        assert codes[-1] == 421
        assert wire.ended()


def test_what_is_not_said(shared_site: Site) -> None:
    with shared_site.wire() as wire:
        extensions = wire.extensions()
        assert set(extensions) == {
            *("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "LIMITS"),
            "STARTTLS",
        }
        assert extensions["SIZE"] == "104857600"
        wire.must(252, "VRFY alice")
        wire.must(502, "EXPN staff")
        wire.must(502, "ETRN example.org")
        assert wire.ask("AUTH PLAIN AGEAYg==").code >= 500
        for line in ("NOOP", "RSET", "HELP", "VRFY x", "FOO", "MAIL", "MAIL FROM:x", "RCPT TO:<a@b.c>", "DATA"):
            answer = wire.ask(line)
            assert answer.status, f"{line}: {answer}"
