"""TLS: what is offered, what is refused, and what a broken handshake leaves behind."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess

import pytest

from tests.harness.site import Site
from tests.harness.waiting import until
from tests.harness.wire import Wire, no_checks


def handshake(site: Site, *options: str) -> subprocess.CompletedProcess[bytes]:
    """OpenSSL's own client against the port with TLS from the first byte."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    words = [openssl, "s_client", "-connect", f"127.0.0.1:{site.submissions}", "-brief", *options]
    return subprocess.run(words, input=b"QUIT\r\n", capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_new_versions(shared_site: Site, version: str) -> None:
    assert b"CONNECTION ESTABLISHED" in handshake(shared_site, version).stderr


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"),  # no forward secrecy
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"),  # CBC
        ("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"),
    ],
)
def test_old_versions_and_weak_ciphers(shared_site: Site, options: tuple[str, ...]) -> None:
    done = handshake(shared_site, *options)
    assert b"CONNECTION ESTABLISHED" not in done.stderr
    assert b"alert" in done.stderr or b"unexpected eof" in done.stderr, done.stderr  # it is the server who says no
    with shared_site.wire(shared_site.submissions, tls=True) as wire:
        wire.must(250, "EHLO client.test")


def test_auth_comes_after_tls_only(shared_site: Site) -> None:
    for port in (shared_site.smtp, shared_site.submission):
        with shared_site.wire(port) as wire:
            assert "AUTH" not in wire.extensions()
            assert wire.must(538, "AUTH PLAIN AGEAYg==").status == "5.7.11"
            wire.must(220, "STARTTLS")
            wire.start_tls()
            assert wire.extensions()["AUTH"] == "PLAIN LOGIN"
            assert "STARTTLS" not in wire.extensions()
            assert wire.must(503, "STARTTLS").status == "5.5.1"


@pytest.mark.parametrize("port", ["smtp", "submissions"])
def test_a_handshake_that_is_none(shared_site: Site, port: str) -> None:
    with socket.create_connection(("127.0.0.1", getattr(shared_site, port)), 10) as plain:
        if port == "smtp":
            assert plain.recv(1_000).startswith(b"220 ")
            plain.sendall(b"STARTTLS\r\n")
            assert plain.recv(1_000).startswith(b"220 ")
        plain.sendall(b"EHLO client.test\r\nMAIL FROM:<a@b.test>\r\n")
        with contextlib.suppress(ConnectionError):
            while plain.recv(1_000):  # an alert, and then the end
                pass
    assert "session failed" not in shared_site.log_text()
    assert "Traceback" not in shared_site.log_text()


def test_a_new_certificate_after_reload(site: Site) -> None:
    def certificate() -> bytes:
        with socket.create_connection(("127.0.0.1", site.submissions), 10) as plain:
            return no_checks().wrap_socket(plain).getpeercert(binary_form=True) or b""

    site.start()
    before = certificate()
    key, chain = site.folder / "tls/key.pem", site.folder / "tls/cert.pem"
    old = key.read_bytes()
    key.write_bytes(b"no key")
    site.reload()
    until(lambda: "going on with the old ones" in site.log_text())
    assert certificate() == before
    key.write_bytes(old)
    words = ["openssl", "req", "-x509", "-key", str(key), "-subj", "/CN=mail.example.org", "-out", str(chain)]
    if shutil.which("openssl") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("openssl is not installed")
    site.reload()
    until(lambda: certificate() != before, why="the new certificate on the port with TLS from the start")
    with site.wire() as wire:  # every worker has loaded it
        wire.must(220, "STARTTLS")
        wire.start_tls()
        assert isinstance(wire.socket, ssl.SSLSocket)
        assert wire.socket.getpeercert(binary_form=True) == certificate() != before


def test_ipv6(shared_site: Site) -> None:
    try:
        with Wire("::1", shared_site.smtp) as wire:
            wire.must(250, "EHLO [IPv6:::1]")
            answer = wire.message("x@remote.test", ["postmaster@example.org"], b"Subject: six\r\n\r\nhello\r\n")
    except OSError:
        pytest.skip("no IPv6 here")
    assert answer.code == 250
    [message] = [text for text in shared_site.mailboxes("postmaster@example.org") if b"Subject: six" in text]
    assert b"Received: from [IPv6:::1] ([IPv6:::1])\n" in message
