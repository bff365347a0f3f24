"""The dialogue as it is in the book: order, pipelining, RSET, and the trace that it leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until
from tests.harness.wire import Wire

HELLO = "EHLO client.test"


@pytest.fixture
def wire(shared_site: Site) -> Iterator[Wire]:
    with shared_site.wire() as made:
        yield made


def script(wire: Wire, *steps: tuple[str, int]) -> None:
    """Lines pushed and codes expected; every reply but those to EHLO, HELO and DATA has an enhanced status code."""
    for line, code in steps:
        answer = wire.must(code, line)
        bare = code == 354 or (code == 250 and line[:4].upper() in ("EHLO", "HELO"))
        assert bool(answer.status) != bare, f"{line}: {answer}"
        if answer.status:
            assert answer.status[0] == str(code)[0]


def test_the_order_of_commands(wire: Wire) -> None:
    script(
        wire,
        *(("MAIL FROM:<>", 503), ("RCPT TO:<postmaster>", 503), ("DATA", 503), ("EHLO", 501), ("EHLO a b", 501)),
        *((HELLO, 250), ("RCPT TO:<postmaster>", 503), ("DATA", 503), ("MAIL FROM:<>", 250), ("MAIL FROM:<>", 503)),
        *(("DATA", 503), ("RCPT TO:<postmaster>", 250), ("DATA now", 501), ("RSET", 250), ("DATA", 503)),
        *(("NOOP", 250), ("NOOP anything", 250), ("HELP", 214), ("VRFY", 501), ("VRFY alice", 252), ("QUIT", 221)),
    )
    assert wire.ended()


def test_hello_again_begins_anew(wire: Wire) -> None:
    script(wire, (HELLO, 250), ("MAIL FROM:<>", 250), (HELLO, 250), ("RCPT TO:<postmaster>", 503))


@pytest.mark.parametrize("verb", ["EXPN", "ETRN", "TURN", "SEND", "SOML", "SAML"])
def test_what_is_not_provided(wire: Wire, verb: str) -> None:
    script(wire, (HELLO, 250), (f"{verb} x", 502), (verb.lower(), 502))


def test_commands_in_any_case(wire: Wire) -> None:
    script(wire, ("ehlo client.test", 250), ("mail from:<>", 250), ("Rcpt To:<Postmaster>", 250), ("rSeT", 250))


def test_pipelining_answers_in_order(wire: Wire) -> None:
    wire.must(250, HELLO)
    wire.send(
        b"MAIL FROM:<>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<postmaster>\r\nRSET\r\nNOOP\r\nFOO\r\nDATA\r\n"
    )
    assert [wire.reply().code for _ in range(7)] == [250, 550, 250, 250, 250, 500, 503]


def test_nobody_accepted_is_no_message(wire: Wire) -> None:
    wire.must(250, HELLO)
    wire.send(b"MAIL FROM:<>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\n")
    assert [wire.reply().code for _ in range(3)] == [250, 550, 503]


def test_rset_in_the_middle_of_chunks(wire: Wire) -> None:
    script(wire, (HELLO, 250), ("MAIL FROM:<>", 250), ("RCPT TO:<postmaster>", 250))
    wire.send(b"BDAT 3\r\nabc")
    wire.expect(250)
    script(wire, ("DATA", 503), ("MAIL FROM:<>", 503), ("NOOP", 250), ("RSET", 250), ("MAIL FROM:<>", 250))


def test_a_client_that_leaves_in_the_middle_leaves_nothing(shared_site: Site) -> None:
    shared_site.add_user("left@example.org")
    with shared_site.wire() as wire:
        script(wire, (HELLO, 250), ("MAIL FROM:<>", 250), ("RCPT TO:<left@example.org>", 250), ("DATA", 354))
        wire.send(b"Subject: x\r\n\r\n" + b"x" * 200_000)
    with shared_site.wire() as wire:
        script(wire, (HELLO, 250), ("MAIL FROM:<>", 250), ("RCPT TO:<left@example.org>", 250))
        wire.send(b"BDAT 200000\r\n" + b"x" * 100_000)
    with shared_site.wire() as wire:
        wire.must(250, HELLO)
        assert wire.message("x@remote.test", ["left@example.org"], b"Subject: y\r\n\r\nz\r\n").code == 250
    assert len(shared_site.mailboxes("left@example.org")) == 1
    until(lambda: not list((shared_site.data / "spool").iterdir()), why="each worker has seen its client leave")


def test_plain_smtp_gets_no_extras(shared_site: Site) -> None:
    shared_site.add_user("plain@example.org")
    with shared_site.wire() as wire:
        assert len(wire.must(250, "HELO client.test").lines) == 1
        assert wire.message("x@remote.test", ["plain@example.org"], b"Subject: p\r\n\r\nx\r\n").code == 250
    [message] = shared_site.inbox("plain@example.org")
    head, _, body = message.partition(b"\n\n")
    assert re.search(
        rb"Received: from client\.test \(\[127\.0\.0\.1\]\)\n\tby mail\.example\.org .* with SMTP id", head
    )
    assert b"for <plain@example.org>;" in head
    assert b"\nDate:" not in head  # only a submission is completed
    assert b"\nMessage-ID:" not in head
    assert body == b"x\n"


def test_bcc_stays_blind(shared_site: Site) -> None:
    for name in ("blind.a", "blind.b"):
        shared_site.add_user(f"{name}@example.org")
    with shared_site.wire() as wire:
        wire.must(250, HELLO)
        assert wire.message("x@remote.test", ["blind.a@example.org", "blind.b@example.org"], b"\r\nx\r\n").code == 250
    assert b"blind.b" not in shared_site.inbox("blind.a@example.org")[0]


def test_one_copy_however_many_ways_lead_there(shared_site: Site) -> None:
    shared_site.add_user("once@example.org")
    shared_site.add_alias("twice@example.org", "once@example.org")
    to = ["once@example.org", "twice@example.org", "ONCE+tag@example.org", "once@example.org"]
    with shared_site.wire() as wire:
        wire.must(250, HELLO)
        assert wire.message("x@remote.test", to, b"\r\nx\r\n").code == 250
    assert len(shared_site.inbox("once@example.org")) == 1


def _steps(site: Site, subject: str) -> list[dict[str, Any]]:
    """Of the one story that is found."""
    [row] = until(lambda: site.cli_json("trace", subject)["rows"], why=f"the story of {subject}")
    steps: list[dict[str, Any]] = site.cli_json("trace", "show", row["id"])["steps"]
    return steps


def test_the_trace_tells_it_all(shared_site: Site) -> None:
    shared_site.add_user("trace@example.org")
    with shared_site.wire(shared_site.submissions, tls=True) as wire:
        wire.must(250, HELLO)
        wire.log_in("trace@example.org", PASSWORD)
        data = b"Message-ID: <trace@client.test>\r\nSubject: a secret subject\r\n\r\na secret body\r\n"
        answer = wire.message("trace@example.org", ["trace@example.org"], data)
    steps = _steps(shared_site, "<trace@client.test>")
    assert [(step["stage"], step["verdict"]) for step in steps] == [
        ("auth", "accepted"), ("accept", "accepted"), ("local", "delivered"),
    ]  # fmt: skip
    assert answer.text.endswith(shared_site.cli_json("trace", "trace@example.org")["rows"][0]["id"])
    assert steps[1]["facts"]["protocol"] == "ESMTPSA"
    with shared_site.wire(source="127.0.0.9") as wire:
        wire.must(250, HELLO)
        wire.must(250, "MAIL FROM:<x@remote.test>")
        wire.must(550, "RCPT TO:<y@elsewhere.test>")
    [refused] = _steps(shared_site, "127.0.0.9")
    assert (refused["stage"], refused["verdict"], refused["recipient"]) == ("rcpt", "rejected", "y@elsewhere.test")
    everything = shared_site.log_text() + shared_site.cli("trace", "trace@example.org", "--json").stdout.decode()
    assert "secret" not in everything
    assert PASSWORD not in everything
