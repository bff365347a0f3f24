"""Mail from the programs that people have: swaks, curl, smtplib, msmtp; plain, STARTTLS, TLS, 8-bit, UTF-8, BDAT."""

from __future__ import annotations

import hashlib
import shutil
import smtplib
import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.harness.site import PASSWORD, Site
from tests.harness.wire import no_checks

pytestmark = pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed")


def need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


@pytest.fixture(scope="module")
def mail(shared_site: Site) -> Site:
    shared_site.add_user("alice@example.org")
    return shared_site


def fresh(mail: Site, name: str) -> str:
    """An account of the test's own."""
    mail.add_user(f"{name}@example.org")
    return f"{name}@example.org"


def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done


def test_swaks_plain(mail: Site) -> None:
    to = fresh(mail, "swaks.plain")
    run("swaks", "--server", f"127.0.0.1:{mail.smtp}", "--from", "x@remote.test", "--to", to, "--body", "hello plain")
    [message] = mail.inbox(to)
    assert b"hello plain" in message
    assert message.startswith(b"Return-Path: <x@remote.test>\nDelivered-To: swaks.plain@example.org\nReceived: from ")
    assert b"with ESMTP id" in message


def test_swaks_starttls_auth_plain(mail: Site) -> None:
    to = fresh(mail, "swaks.tls")
    run(
        *("swaks", "--server", f"127.0.0.1:{mail.submission}", "-tls", "--auth", "PLAIN"),
        *("--au", "alice@example.org", "--ap", PASSWORD, "--from", "alice@example.org", "--to", to),
    )
    [message] = mail.inbox(to)
    assert b"with ESMTPSA" in message


def test_swaks_tls_auth_login(mail: Site) -> None:
    to = fresh(mail, "swaks.wrapped")
    run(
        *("swaks", "--server", f"127.0.0.1:{mail.submissions}", "-tlsc", "--auth", "LOGIN"),
        *("--au", "alice@example.org", "--ap", PASSWORD, "--from", "alice@example.org", "--to", to),
    )
    assert len(mail.inbox(to)) == 1


def test_curl_over_tls(mail: Site) -> None:
    to = fresh(mail, "curl")
    run(
        *(need("curl"), "-sS", "-k", "--url", f"smtps://127.0.0.1:{mail.submissions}"),
        *("--user", f"alice@example.org:{PASSWORD}", "--mail-from", "alice@example.org", "--mail-rcpt", to),
        *("--upload-file", "-"),
        stdin=b"Subject: curl\r\n\r\nhello from curl\r\n",
    )
    [message] = mail.inbox(to)
    assert b"hello from curl" in message
    assert b"Message-ID: <" in message  # submission adds what is missing
    assert b"\nDate: " in message


def test_msmtp(mail: Site, tmp_path: Path) -> None:
    to = fresh(mail, "msmtp")
    run(
        *(need("msmtp"), "--host=127.0.0.1", f"--port={mail.submission}", "--tls=on", "--tls-starttls=on"),
        *("--tls-certcheck=off", "--auth=on", "--user=alice@example.org", f"--passwordeval=echo {PASSWORD}"),
        *("--from=alice@example.org", to),
        stdin=b"Subject: msmtp\n\nhello from msmtp\n",
    )
    assert b"hello from msmtp" in mail.inbox(to)[0]


def test_smtplib_utf8_address_and_eight_bits(mail: Site) -> None:
    to = fresh(mail, "smtplib")
    mail.add_alias("jörg@example.org", to)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "alice@example.org", "jörg@example.org", "Grüße"
    message.set_content("Schöne Grüße", cte="8bit")
    with smtplib.SMTP("127.0.0.1", mail.submission, "client.test") as smtp:
        smtp.starttls(context=no_checks())
        smtp.login("alice@example.org", PASSWORD)
        smtp.send_message(message)
    [got] = mail.inbox(to)
    assert "Schöne Grüße".encode() in got
    assert "Subject: Grüße".encode() in got
    assert b"with UTF8SMTPSA" in got


def test_bdat_in_pieces(mail: Site) -> None:
    to = fresh(mail, "bdat")
    with mail.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<x@remote.test>")
        wire.must(250, f"RCPT TO:<{to}>")
        wire.send(b"BDAT 14\r\nSubject: b\r\n\r\n")
        wire.expect(250)
        wire.send(b"BDAT 12 LAST\r\n.\r\nhello\r\n.\r")
        assert wire.reply().code == 554  # a bare CR at the end
        wire.must(250, "MAIL FROM:<x@remote.test>")
        wire.must(250, f"RCPT TO:<{to}>")
        wire.send(b"BDAT 14\r\nSubject: b\r\n\r\nBDAT 13 LAST\r\n.\r\nhello\r\n.\r\n")
        wire.expect(250)
        wire.expect(250)
    [message] = mail.inbox(to)
    assert message.endswith(b"\nSubject: b\n\n.\nhello\n.\n")


def test_pipelined_and_dots(mail: Site) -> None:
    to = fresh(mail, "dots")
    with mail.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.send(f"MAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
        assert [wire.reply().code for _ in range(3)] == [250, 250, 354]
        wire.send(b"Subject: d\r\n\r\n..one\r\n...\r\n.\r\nQUIT\r\n")
        assert [wire.reply().code for _ in range(2)] == [250, 221]
    assert mail.inbox(to)[0].endswith(b"\n\n.one\n..\n")


@pytest.mark.slow
def test_hundred_megabytes_and_one_byte_more(mail: Site) -> None:
    to = fresh(mail, "large")
    line = b"0123456789abcdef" * 4 + b"\r\n"
    head = b"Subject: large\r\n\r\n"
    size = 104_857_600
    body = head + line * ((size - len(head)) // len(line))
    body += b"x" * (size - len(body) - 2) + b"\r\n"
    assert len(body) == size
    with mail.wire(timeout=120) as wire:
        wire.must(250, "EHLO client.test")
        wire.must(552, f"MAIL FROM:<> SIZE={size + 1}")
        wire.must(250, f"MAIL FROM:<> SIZE={size}")
        wire.must(250, f"RCPT TO:<{to}>")
        wire.must(354, "DATA")
        wire.send(body + b".\r\n")
        assert wire.reply().code == 250
        wire.must(250, "MAIL FROM:<>")
        wire.must(250, f"RCPT TO:<{to}>")
        wire.must(354, "DATA")
        wire.send(body[:-2] + b"x\r\n.\r\n")
        answer = wire.reply()
        assert (answer.code, answer.status) == (552, "5.3.4")
    [message] = mail.inbox(to)
    got = message.partition(b"Subject: large")
    assert hashlib.sha256(got[1] + got[2]).digest() == hashlib.sha256(body.replace(b"\r\n", b"\n")).digest()


def test_submission_keeps_senders_honest(mail: Site) -> None:
    fresh(mail, "mallory")
    with mail.wire(mail.submission) as wire:
        wire.must(250, "EHLO client.test")
        wire.must(530, "MAIL FROM:<alice@example.org>")
        wire.must(220, "STARTTLS")
        wire.start_tls()
        assert "AUTH" in wire.extensions()
        wire.must(530, "MAIL FROM:<alice@example.org>")
        import base64

        secret = base64.b64encode(f"\0mallory@example.org\0{PASSWORD}".encode()).decode()
        wire.must(235, f"AUTH PLAIN {secret}")
        wire.must(550, "MAIL FROM:<alice@example.org>")
        wire.must(250, "MAIL FROM:<mallory+tag@example.org>")


def test_recipients_at_the_limit(mail: Site) -> None:
    to = fresh(mail, "many")
    with mail.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<>")
        for number in range(150):
            wire.must(250, f"RCPT TO:<many+{number}@example.org>")
        answer = wire.ask("RCPT TO:<many+151@example.org>")
        assert (answer.code, answer.status) == (452, "4.5.3")
    del to
