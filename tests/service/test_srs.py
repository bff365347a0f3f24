"""Mail that an alias sends on: it leaves with a sender of ours, and its bounce reaches who sent it first."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.harness.sink import Sink
from tests.harness.site import Site
from tests.harness.waiting import until

_QUICK = "[delivery]\nconnect_timeout = 2\ncommand_timeout = 2\ndata_timeout = 2\nidle_connection = 0\n"
_OUTSIDE = "127.0.0.7"
_TEXT = b"Subject: forwarded\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def sinks() -> Iterator[tuple[Sink, Sink]]:
    """A host that mail is forwarded to, and one of the senders."""
    with Sink() as remote, Sink() as client:
        yield remote, client


@pytest.fixture(scope="module")
def service(sinks: tuple[Sink, Sink], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with an alias that leads to another host, and one that leads to a mailbox and to another host."""
    remote, client = sinks
    with Site(tmp_path_factory.mktemp("srs") / "site") as site:
        site.configure(
            f'{_QUICK}[[relay.route]]\ndomain = "remote.test"\nto = "{remote.address}"\n'
            f'[[relay.route]]\ndomain = "client.test"\nto = "{client.address}"'
        )
        site.add_user("alice@example.org")
        site.add_alias("bob@example.org", "bob@remote.test")
        site.add_alias("both@example.org", "alice@example.org", "both@remote.test")
        yield site.start()


@pytest.fixture
def remote(sinks: tuple[Sink, Sink]) -> Sink:
    """The host that mail is forwarded to, with nothing in it."""
    sinks[0].script = {}
    sinks[0].messages.clear()
    return sinks[0]


@pytest.fixture
def client(sinks: tuple[Sink, Sink]) -> Sink:
    """The senders' host, with nothing in it."""
    sinks[1].script = {}
    sinks[1].messages.clear()
    return sinks[1]


def send(site: Site, sender: str, *recipients: str, source: str = _OUTSIDE, text: bytes = _TEXT) -> str:
    """A message from outside; its id."""
    with site.wire(source=source) as wire:
        wire.must(250, "EHLO mx.client.test")
        answer = wire.message(sender, list(recipients), text)
    assert answer.code == 250
    return answer.lines[0].rpartition(" ")[2]


def forwarded(remote: Sink) -> str:
    """The sender of the one message that arrived there."""
    until(lambda: remote.messages, why="the forwarded message")
    return re.fullmatch("<?(.*?)>?", remote.messages[0].sender)[1]  # type: ignore[index]


def rcpt(site: Site, recipient: str, sender: str = "") -> str:
    """What RCPT is answered from outside."""
    with site.wire(source=_OUTSIDE) as wire:
        wire.must(250, "EHLO mx.remote.test")
        wire.must(250, f"MAIL FROM:<{sender}>")
        return str(wire.ask(f"RCPT TO:{recipient}" if recipient.startswith("<") else f"RCPT TO:<{recipient}>"))


def test_a_bounce_finds_back(service: Site, remote: Sink, client: Sink) -> None:
    message = send(service, "Ann.Lee@client.test", "bob@example.org")
    sender = forwarded(remote)
    assert re.fullmatch(r"SRS0=[A-Z2-7]{6}=[A-Z2-7]{2}=client\.test=Ann\.Lee@example\.org", sender)
    steps = service.cli_json("trace", "show", message)["steps"]
    [alias] = [step for step in steps if step["stage"] == "alias"]
    assert alias["facts"]["as"] == sender
    assert "it leaves with a sender of ours" in alias["sentence"]
    assert steps[0]["sentence"].startswith("Accepted from Ann.Lee@client.test")
    send(service, "", sender, text=b"Subject: bounce\r\n\r\nno such user\r\n")
    until(lambda: client.messages, why="the bounce")
    [bounce] = client.messages
    assert bounce.sender in ("", "<>")
    assert "Ann.Lee@client.test" in str(bounce.recipients)
    assert b"no such user" in bounce.data


def test_our_own_report_goes_to_who_sent_it_first(service: Site, remote: Sink, client: Sink) -> None:
    remote.script = {"RCPT": "550 5.1.1 nobody of that name"}
    send(service, "ann@client.test", "bob@example.org")
    until(lambda: client.messages, why="the report")
    [report] = client.messages
    assert "ann@client.test" in str(report.recipients)
    assert b"nobody of that name" in report.data
    assert b"SRS0" not in report.data


def test_one_message_two_senders(service: Site, remote: Sink) -> None:
    with service.wire() as wire:  # our own network may send to others too
        wire.must(250, "EHLO mx.client.test")
        assert wire.message("ann@client.test", ["bob@example.org", "carl@remote.test"], _TEXT).code == 250
    until(lambda: len(remote.messages) == 2, why="both")
    senders = {str(m.recipients): m.sender for m in remote.messages}
    assert len(senders) == 2
    for to, sender in senders.items():
        assert ("SRS0=" in sender) is ("bob@" in to)


def test_the_copy_at_home_has_the_sender_as_it_was(service: Site, remote: Sink) -> None:
    send(service, "home@client.test", "both@example.org")
    assert "SRS0=" in forwarded(remote)
    texts = service.inbox("alice@example.org")
    assert any(b"Return-Path: <home@client.test>" in text for text in texts)
    assert not any(b"SRS0" in text for text in texts)


def test_null_and_own_senders_stay(service: Site, remote: Sink) -> None:
    send(service, "", "bob@example.org")
    assert forwarded(remote) == ""
    remote.messages.clear()
    send(service, "alice@example.org", "bob@example.org", source="")
    assert forwarded(remote) == "alice@example.org"


def test_what_others_rewrote_is_rewritten_once_more(service: Site, remote: Sink) -> None:
    send(service, "SRS0=abcd=ZZ=origin.test=ann@client.test", "bob@example.org")
    assert re.fullmatch(r"SRS1=[A-Z2-7]{6}=client\.test==abcd=ZZ=origin\.test=ann@example\.org", forwarded(remote))


def test_it_opens_no_way_through_us(service: Site, remote: Sink, client: Sink) -> None:
    send(service, "ann@client.test", "bob@example.org")
    good = forwarded(remote)
    local = good.rpartition("@")[0]
    _, given, stamp, domain, user = local.split("=")
    assert rcpt(service, good).startswith("250")
    for forged in (
        f"SRS0={given}={stamp}=victim.test={user}@example.org",
        f"SRS0={given}={stamp}={domain}=victim@example.org",
        f"SRS0=AAAAAA={stamp}={domain}={user}@example.org",
        f"SRS0={given}=AA={domain}={user}@example.org",
        f"SRS0=={stamp}={domain}={user}@example.org",
        f"SRS1={given}=victim.test=={user}@example.org",
        f"SRS1={given}=victim.test=={given}={stamp}={domain}={user}@example.org",
        f"SRS0-{given}-{stamp}-{domain}-{user}@example.org",
        f"{local}%victim.test@example.org",
        f"{local}=x@example.org",
        f'"{local}@victim.test"@example.org',
        f"victim.test!{local}@example.org",
        "<@example.org:victim@victim.test>",
        f"{local}@victim.test",
        "SRS0=@example.org",
        "SRS0====@example.org",
        "SRS1====@example.org",
    ):
        answer = rcpt(service, forged)
        assert answer[:1] == "5", (forged, answer)
    assert rcpt(service, f"SRS0=AAAAAA={stamp}={domain}={user}@example.org").startswith("550 5.1.1")
    assert client.messages == []


def test_an_answer_with_a_sender_of_its_own_arrives_too(service: Site, remote: Sink, client: Sink) -> None:
    send(service, "ann@client.test", "bob@example.org")
    send(service, "bob@remote.test", forwarded(remote))
    until(lambda: client.messages, why="the answer")
    assert "SRS0=" in client.messages[0].sender
    assert "=remote.test=bob@example.org" in client.messages[0].sender


def test_long_addresses_and_restarts(service: Site, remote: Sink, client: Sink) -> None:
    user = "a" * 64
    send(service, f"{user}@client.test", "bob@example.org")
    sender = forwarded(remote)
    assert len(sender.partition("@")[0]) > 64
    service.restart()
    send(service, "", sender)
    until(lambda: client.messages, why="the bounce")
    assert f"{user}@client.test" in str(client.messages[0].recipients)


def test_it_can_be_switched_off(service: Site, remote: Sink) -> None:
    service.configure("[srs]\nenabled = false\n")
    service.restart()
    send(service, "ann@client.test", "bob@example.org")
    assert forwarded(remote) == "ann@client.test"
