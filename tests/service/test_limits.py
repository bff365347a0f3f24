"""Every number of a session at n and at n + 1."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until
from tests.harness.wire import Reply, Wire

LIMITS = """
[limits]
messages_per_ip_per_minute = 0
recipients_per_account_per_hour = 3
message_bytes = 100000
header_bytes = 2000
spool_memory_bytes = 1000
errors_per_session = 4
session_messages = 3
connections = 6
connections_per_ip = 6
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service where everything is short."""
    with Site(tmp_path_factory.mktemp("limits") / "site") as site:
        site.configure(LIMITS)
        site.add_user("alice@example.org")
        yield site.start()


def deliver(site: Site, data: bytes) -> Reply:
    with site.wire() as wire:
        wire.must(250, "EHLO client.test")
        return wire.message("x@remote.test", ["alice@example.org"], data)


@pytest.mark.parametrize(("more", "code"), [(0, 250), (1, 552)])
def test_message_bytes(small: Site, more: int, code: int) -> None:
    head = b"Subject: x\r\n\r\n"
    answer = deliver(small, head + b"y" * (100_000 - len(head) - 2 + more) + b"\r\n")
    assert (answer.code, answer.status) == (code, "2.0.0" if code == 250 else "5.3.4")
    with small.wire() as wire:
        wire.must(250, "EHLO client.test")
        assert wire.ask(f"MAIL FROM:<> SIZE={100_000 + more}").code == code


@pytest.mark.parametrize(("more", "code"), [(0, 250), (1, 552)])
@pytest.mark.parametrize("body", [b"", b"y" * 50_000 + b"\r\n"])
def test_header_bytes(small: Site, more: int, code: int, body: bytes) -> None:
    answer = deliver(small, b"X: " + b"y" * (1_995 + more) + b"\r\n\r\n" + body)
    assert (answer.code, answer.status) == (code, "2.0.0" if code == 250 else "5.3.4")


def test_bdat_counts_all_chunks(small: Site) -> None:
    with small.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<>")
        wire.must(250, "RCPT TO:<alice@example.org>")
        for _ in range(2):
            wire.send(b"BDAT 50000\r\nX: y\r\n\r\n" + b"z" * 49_990 + b"\r\n")
            wire.expect(250)
        wire.send(b"BDAT 1 LAST\r\nz")
        assert wire.reply().status == "5.3.4"
        wire.must(250, "NOOP")


def test_errors_of_a_session(small: Site) -> None:
    with small.wire() as wire:
        for _ in range(3):
            wire.must(500, "NONSENSE")
        wire.must(250, "EHLO client.test")
        wire.send(b"NONSENSE\r\n")
        assert [wire.reply().code, wire.reply().code] == [500, 421]
        assert wire.ended()


def test_messages_of_a_session(small: Site) -> None:
    with small.wire() as wire:
        wire.must(250, "EHLO client.test")
        for _ in range(3):
            assert wire.message("x@remote.test", ["alice@example.org"], b"\r\nx\r\n").code == 250
        assert wire.must(421, "MAIL FROM:<x@remote.test>").status == "4.7.0"
        assert wire.ended()


def test_recipients_of_an_account(small: Site) -> None:
    codes = []
    for number in range(4):  # a connection each: the account is what counts
        with small.wire(small.submissions, tls=True) as wire:
            wire.must(250, "EHLO client.test")
            wire.log_in("alice@example.org", PASSWORD)
            wire.must(250, "MAIL FROM:<alice@example.org>")
            answer = wire.ask(f"RCPT TO:<p{number}@remote.test>")
            codes.append((answer.code, answer.status))
    assert codes == [(250, "2.1.5")] * 3 + [(450, "4.7.1")]
    assert "alice@example.org (at most 3 an hour); try again in" in answer.text


def test_connections_in_all(small: Site) -> None:
    def greeting() -> Reply:
        with Wire(small.host, small.smtp, greet=False) as wire:
            return wire.reply()

    def six() -> list[Wire]:
        others = [Wire(small.host, small.smtp, source=f"127.0.0.{number}", greet=False) for number in range(2, 8)]
        if [other.reply().code for other in others] == [220] * 6:
            return others
        for other in others:
            other.socket.close()
        return []

    def no_tls() -> bool:
        with socket.create_connection((small.host, small.submissions)) as waiting:
            waiting.settimeout(1)
            with contextlib.suppress(TimeoutError):
                return waiting.recv(100) == b""
        return False

    others = until(six, every=0.5, why="those of the tests before are gone")
    # Each worker looks at the others once a second; either may be the one that takes a connection.
    until(lambda: all(greeting().status == "4.3.2" for _ in range(20)))
    until(no_tls, why="no TLS with one too many")
    for other in others:
        other.socket.close()
    until(lambda: greeting().code == 220)


def test_connections_count_before_their_handshake(small: Site) -> None:
    others: list[socket.socket] = []

    def refused() -> bool:
        with Wire(small.host, small.smtp, greet=False) as wire:
            return wire.reply().code == 421

    def one_more_is_too_many() -> bool:
        others.append(socket.create_connection((small.host, small.submissions)))  # says nothing
        return refused()

    until(one_more_is_too_many)
    for other in others:
        other.close()
    until(lambda: not refused())
