"""Measure 15: rates of addresses, networks, senders and accounts, each at n and at n + 1, over all workers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until
from tests.harness.wire import Reply

ALICE, BOB, CLEO = "alice@example.org", "bob@example.org", "cleo@example.org"
LIMITS = """
[limits]
messages_per_ip_per_minute = 4
messages_per_network_per_minute = 6
recipients_per_sender_per_hour = 3
unknown_per_ip_per_hour = 3
account_jump_factor = 10
account_jump_floor = 5
account_slow_per_hour = 2
errors_per_session = 100
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service where little is allowed."""
    with Site(tmp_path_factory.mktemp("rates") / "site") as site:
        site.configure(LIMITS)
        for user in (ALICE, BOB, CLEO):
            site.add_user(user)
        yield site.start()


_NETWORKS = itertools.count(1)


def mail(site: Site, source: str, sender: str = "") -> Reply:
    with site.wire(source=source) as wire:
        wire.must(250, "EHLO client.test")
        return wire.ask(f"MAIL FROM:<{sender}>")


def rcpt(site: Site, source: str, recipient: str, sender: str = "") -> Reply:
    with site.wire(source=source) as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, f"MAIL FROM:<{sender}>")
        return wire.ask(f"RCPT TO:<{recipient}>")


def send(site: Site, user: str, *recipients: str) -> list[Reply]:
    with site.wire(site.submissions, tls=True, source=f"127.3.{next(_NETWORKS)}.1") as wire:
        wire.must(250, "EHLO client.test")
        wire.log_in(user, PASSWORD)
        wire.must(250, f"MAIL FROM:<{user}>")
        return [wire.ask(f"RCPT TO:<{recipient}>") for recipient in recipients]


def test_messages_of_an_address(limited: Site) -> None:
    codes = [mail(limited, "127.0.5.1").code for _ in range(5)]
    assert codes == [250, 250, 250, 250, 450]


def test_messages_of_a_network(limited: Site) -> None:
    replies = [mail(limited, f"127.0.6.{number}") for number in range(1, 8)]
    assert [reply.code for reply in replies] == [250] * 6 + [450]
    assert "127.0.6.0/24 (at most 6 a minute)" in replies[-1].text
    assert replies[-1].status == "4.7.1"


def test_recipients_of_a_sender_whatever_host_it_comes_by(limited: Site) -> None:
    replies = [rcpt(limited, f"127.1.{number}.1", ALICE, "ann@client.test") for number in range(4)]
    assert [(reply.code, reply.status) for reply in replies] == [(250, "2.1.5")] * 3 + [(450, "4.7.1")]
    assert rcpt(limited, "127.1.9.1", ALICE, "other@client.test").code == 250


def test_who_guesses_recipients_must_wait(limited: Site) -> None:
    source = "127.2.1.1"
    for number in range(3):
        assert rcpt(limited, source, f"guess{number}@example.org").code == 550
    reply = mail(limited, source)
    assert (reply.code, reply.status) == (450, "4.7.1")
    assert "recipients who do not exist" in reply.text
    assert mail(limited, "127.2.2.1").code == 250


def test_a_jump_slows_an_account_down_and_is_reported(limited: Site) -> None:
    """The floor is 5 a day: the sixth slows it down, and then it may have two an hour, and no more."""
    codes = [reply.code for reply in send(limited, BOB, *(f"r{number}@remote.test" for number in range(9)))]
    assert codes == [250] * 7 + [450] * 2
    refused = send(limited, BOB, "again@remote.test")[0]
    assert "far more recipients than usual" in refused.text
    rates = limited.cli_json("rate", "list")
    assert [(one["address"], one["state"], one["recipients"]) for one in rates["throttled"]] == [(BOB, "slow", 6)]
    problems = [row["sentence"] for row in limited.cli_json("problems")["rows"]]
    assert any(sentence.startswith(f"{BOB} is slowed down: it wrote to 6 recipients") for sentence in problems)
    story = f"{BOB} is slowed down: it wrote to 6 recipients in a day"
    until(lambda: story in limited.cli("trace", "find", BOB).stdout.decode())
    assert send(limited, CLEO, "one@remote.test")[0].code == 250  # others may go on

    limited.cli("rate", "forgive", BOB)
    many = [f"s{number}@remote.test" for number in range(8)]
    until(lambda: {reply.code for reply in send(limited, BOB, *many)} == {250}, every=0.5)
    assert limited.cli_json("rate", "list")["throttled"][0]["state"] == "forgiven"
    assert not [row for row in limited.cli_json("problems")["rows"] if BOB in row["sentence"]]


def test_who_is_near_a_limit_is_shown_and_can_begin_anew(limited: Site) -> None:
    for _ in range(5):
        mail(limited, "127.0.9.1")
    rows = limited.cli_json("rate", "list")["rows"]
    found = next(row for row in rows if row["what"] == "address" and row["who"] == "127.0.9.1")
    assert 2 < found["number"] <= 4  # one less every fifteen seconds
    assert (found["limit"], found["seconds"]) == (4, 60)
    assert "127.0.9.1" in limited.cli("rate", "list").stdout.decode()
    limited.cli("rate", "forgive", "127.0.9.1")
    assert mail(limited, "127.0.9.1").code == 250
    assert limited.cli("rate", "forgive", "127.9.9.9", check=False).returncode == 2


def test_counts_survive_a_restart(site: Site) -> None:
    site.configure("[limits]\nunknown_per_ip_per_hour = 3")
    site.start()
    for number in range(3):
        assert rcpt(site, "127.2.3.1", f"guess{number}@example.org").code == 550
    site.restart()
    assert mail(site, "127.2.3.1").code == 450
