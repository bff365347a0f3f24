"""Greylisting: a stranger comes again, who has passed is known, who is vouched for need not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.dns import Dns
from tests.harness.site import Site
from tests.harness.waiting import until
from tests.harness.wire import Reply

ALICE, BOB = "alice@example.org", "bob@example.org"
ON = "[greylist]\nenabled = true\ndelay_minutes = 0.1\npasses = 3\n"


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that puts strangers off for six seconds; 127.7.0.1 is on a white list."""
    zones = {"white.test": "2.0.0.127 A 127.0.0.2\n1.0.7.127 A 127.0.0.2"}
    lists = '[dnslists]\nenabled = true\n[[dnslists.zone]]\nzone = "white.test"\nkind = "white"\nabout = ["ipv4"]\n'
    with (
        Dns(tmp_path_factory.mktemp("dns"), zones) as nameserver,
        Site(tmp_path_factory.mktemp("grey") / "site") as site,
    ):
        site.configure(ON + nameserver.settings + lists)
        for user in (ALICE, BOB):
            site.add_user(user)
        yield site.start()


def rcpt(site: Site, source: str, recipient: str = ALICE, sender: str = "ann@client.test") -> Reply:
    with site.wire(source=source) as wire:
        wire.must(250, "EHLO client.test")
        wire.must(250, f"MAIL FROM:<{sender}>")
        return wire.ask(f"RCPT TO:<{recipient}>")


def test_a_stranger_comes_again_and_is_known(grey: Site) -> None:
    first = rcpt(grey, "127.6.1.1")
    assert (first.code, first.status) == (451, "4.7.1")
    assert rcpt(grey, "127.6.1.1").code == 451  # at once is too soon
    until(lambda: rcpt(grey, "127.6.1.2").code == 250, every=0.3)  # a neighbour in the network
    assert rcpt(grey, "127.6.1.1").code == 250
    assert rcpt(grey, "127.6.1.1", sender="ANN@client.test").code == 250
    assert rcpt(grey, "127.6.1.1", BOB).code == 451  # to another
    assert rcpt(grey, "127.6.2.1").code == 451  # from elsewhere


def test_a_network_that_came_back_often_passes_whole(grey: Site) -> None:
    senders = [f"s{number}@client.test" for number in range(3)]
    for sender in senders:
        assert rcpt(grey, "127.6.3.1", sender=sender).code == 451
    for sender in senders:
        until(lambda sender=sender: rcpt(grey, "127.6.3.1", sender=sender).code == 250, every=0.3)  # type: ignore[misc]
    until(lambda: rcpt(grey, "127.6.3.1", sender="new@client.test").code == 250, every=0.3)


def test_who_is_vouched_for_and_the_desks_wait_for_nothing(grey: Site) -> None:
    assert rcpt(grey, "127.7.0.1").code == 250
    assert rcpt(grey, "127.7.0.2").code == 451
    assert rcpt(grey, "127.6.4.1", "postmaster@example.org").code == 250
    assert rcpt(grey, "127.0.0.1").code == 250


def test_the_trace_says_so(grey: Site) -> None:
    rcpt(grey, "127.6.5.1")
    words = "has never written to alice@example.org from there"
    until(lambda: words in grey.cli("trace", "find", "127.6.5.1").stdout.decode())
