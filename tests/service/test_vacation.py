"""Vacation over the wire: answered once, by nobody's envelope, whatever is killed meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.sink import Sink
from tests.harness.site import Site
from tests.harness.waiting import until

ALICE = "alice@example.org"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Sink]]:
    """A service whose mail for remote.test goes to a sink; alice is away."""
    with Sink() as sink, Site(tmp_path_factory.mktemp("vacation") / "site") as site:
        site.configure(f'[[relay.route]]\ndomain = "remote.test"\nto = "{sink.address}"')
        site.add_user(ALICE)
        site.add_user("bob@example.org")
        site.add_alias("sales@example.org", ALICE)
        site.start()
        site.cli("vacation", "set", ALICE, "-", "--subject", "Fort: Grüße", stdin="I am away.\nBack in May.\n")
        yield site, sink


def send(site: Site, sender: str, to: str = ALICE, header: str = "") -> str:
    """A message; its queue id."""
    with site.wire() as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, f"MAIL FROM:<{sender}>")
        wire.must(250, f"RCPT TO:<{to}>")
        wire.must(354, "DATA")
        wire.send(f"To: {to}\r\nSubject: test\r\n{header}\r\nhello\r\n.\r\n".encode())
        return wire.expect(250).lines[0].rpartition(" ")[2]


def decided(site: Site, message: str) -> tuple[str, str]:
    """What became of the vacation for a message: sent or skipped, and its sentence."""

    def step() -> tuple[str, str] | None:
        steps = site.cli_json("trace", "show", message)["steps"]
        found = [one for one in steps if one["stage"] == "vacation"]
        assert len(found) <= 1
        return (found[0]["verdict"], found[0]["sentence"]) if found else None

    found = until(step, every=0.3, why=f"a decision on {message}; {site.log_text()[-2000:]}")
    assert found is not None
    return found


def answers(sink: Sink, to: str) -> list[bytes]:
    return [one.data for one in sink.messages if to in str(one.recipients)]


def test_somebody_is_answered_once(service: tuple[Site, Sink]) -> None:
    site, sink = service
    assert decided(site, send(site, "ann@remote.test"))[0] == "sent"
    until(lambda: answers(sink, "ann@remote.test"))
    assert decided(site, send(site, "Ann@Remote.test", "sales@example.org"))[0] == "skipped"
    (one,) = [one for one in sink.messages if "ann@remote.test" in str(one.recipients)]
    assert one.sender == ""
    assert b"Auto-Submitted: auto-replied" in one.data
    assert b"I am away.\r\nBack in May.\r\n" in one.data
    assert b"From: <alice@example.org>" in one.data
    assert site.cli_json("vacation", "show", ALICE)["answered"] == 1


@pytest.mark.parametrize(
    ("sender", "header", "words"),
    [
        ("list@remote.test", "List-Id: <x>\r\n", "came from a list"),
        ("robot@remote.test", "Auto-Submitted: auto-generated\r\n", "sent by a machine"),
        ("mailer-daemon@remote.test", "", "is a machine"),
    ],
)
def test_who_is_not_answered_and_why(service: tuple[Site, Sink], sender: str, header: str, words: str) -> None:
    site, sink = service
    verdict, sentence = decided(site, send(site, sender, header=header))
    assert verdict == "skipped"
    assert words in sentence
    assert answers(sink, sender) == []


def test_nobody_and_others_are_not_even_looked_at(service: tuple[Site, Sink]) -> None:
    site, _ = service
    ids = [send(site, ""), send(site, "ann@remote.test", "bob@example.org")]
    decided(site, send(site, "zoe@remote.test"))  # behind them
    for one in ids:
        assert all(step["stage"] != "vacation" for step in site.cli_json("trace", "show", one)["steps"])


def test_an_own_sender_finds_the_answer_in_the_mailbox(service: tuple[Site, Sink]) -> None:
    site, _ = service
    assert decided(site, send(site, "bob@example.org"))[0] == "sent"
    assert any(b"Auto-Submitted: auto-replied" in one for one in site.inbox("bob@example.org", 1))


def test_a_kill_between_loses_and_repeats_nothing(service: tuple[Site, Sink]) -> None:
    site, sink = service
    ids = {}
    for number in range(6):
        sender = f"kim{number}@remote.test"
        ids[sender] = send(site, sender)
        time.sleep(0.4 * (number % 3))
        site.kill("delivery")
        until(lambda: site.role_pids("delivery"), why="delivery is back")
    for sender, message in ids.items():
        assert decided(site, message)[0] == "sent"
        until(lambda to=sender: answers(sink, to), why=f"an answer for {sender}")  # type: ignore[misc]
    site.queue_empty(within=60)
    with_ids = {sender: {_id(data) for data in answers(sink, sender)} for sender in ids}
    assert all(len(some) == 1 for some in with_ids.values()), json.dumps({k: len(v) for k, v in with_ids.items()})


def _id(data: bytes) -> bytes:
    """The Message-ID: a relay that was killed may send the same message twice, and never another one."""
    return next(line for line in data.split(b"\r\n") if line.startswith(b"Message-ID"))


def test_switched_off(service: tuple[Site, Sink], tmp_path: Path) -> None:
    site, _ = service
    preview = site.cli_json("vacation", "preview", ALICE, "--sender", "eve@remote.test")
    assert (preview["to"], preview["subject"]) == ("eve@remote.test", "Fort: Grüße")
    site.cli("vacation", "off", ALICE)
    message = send(site, "eve@remote.test")
    time.sleep(3)
    assert all(step["stage"] != "vacation" for step in site.cli_json("trace", "show", message)["steps"])
    for wrong in (["--days", "31"], ["--starts", "tomorrow"], ["--ends", "2020-01-01"]):
        assert site.cli("vacation", "set", ALICE, "x", *wrong, check=False).returncode == 2
