"""Measures 16 and 17: who is on a white list passes the black ones, who is on a black one is refused, a dead list
lists nobody. All lists are zones of a real name server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import lying_dns
from tests.harness.dns import BROKEN, Dns
from tests.harness.lying_dns import LyingDns
from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until
from tests.harness.wire import Reply

ALICE = "alice@example.org"
TEST = "2.0.0.127 A 127.0.0.2\n"  # RFC 5782 §5
ZONES = {
    "black.test": TEST
    + '7.2.0.127 A 127.0.0.2\n7.2.0.127 TXT "Spam seen, see http://black.test/127.0.2.7"\n'
    + "8.2.0.127 A 127.0.0.2\n9.2.0.127 A 127.0.0.9\n14.2.0.127 A 127.0.0.1\n"
    + "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.2\n"
    + "25.2.0.127 A 127.0.0.2\n",
    "half.test": TEST + "10.2.0.127 A 127.0.0.2\n11.2.0.127 A 127.0.0.2\n",
    "other-half.test": TEST + "11.2.0.127 A 127.0.0.2\n",
    "white.test": TEST + "8.2.0.127 A 127.0.3.2\n7.2.0.127 A 127.0.3.0\n",
    "errors.test": TEST + "12.2.0.127 A 127.255.255.254\n13.2.0.127 A 192.0.2.1\n",
    "world.test": "* A 127.0.0.2\n",
    "nobody.test": "nothing A 127.0.0.2\n",
    "broken.test": BROKEN,
    "domains.test": "".join(
        f"{name} A 127.0.1.2\n" for name in ("test", "spam.client.test", "bad.helo.test", "mx.listed.test")
    ),
    "2.0.127.in-addr.arpa": "20 PTR mx.listed.test.\n21 PTR mx.listed.test.",
    "listed.test": "mx A 127.0.2.20",
}
LISTS = """
[dnslists]
enabled = true
own_addresses = ["127.0.2.25", "127.0.2.26"]
"""
for name, kind, about, more in (
    ("black.test", "black", '"ipv4", "ipv6"', 'words = "the black list of the test"'),
    ("half.test", "black", '"ipv4"', "weight = 0.5"),
    ("other-half.test", "black", '"ipv4"', "weight = 0.5"),
    ("white.test", "white", '"ipv4"', 'code = [{answer = "127.0.*.2-3"}, {answer = "127.0.*.0", weight = 0.0}]'),
    ("errors.test", "black", '"ipv4"', ""),
    ("world.test", "black", '"ipv4"', ""),
    ("nobody.test", "black", '"ipv4"', ""),
    ("broken.test", "black", '"ipv4"', ""),
    ("domains.test", "black", '"sender", "helo", "host"', 'code = [{answer = "127.0.1.2-6", words = "bad domain"}]'),
):
    LISTS += f'[[dnslists.zone]]\nzone = "{name}"\nkind = "{kind}"\nabout = [{about}]\n{more}\n'


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    with Dns(tmp_path_factory.mktemp("dns"), ZONES) as running:
        yield running


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory, nameserver: Dns) -> Iterator[Site]:
    """A site that asks all of them, once the bad ones have been found out."""
    with Site(tmp_path_factory.mktemp("lists") / "site") as site:
        site.configure(nameserver.settings + LISTS)
        site.configure('[reverse_dns]\nenabled = true\nmissing = "mark"\n[workers]\nsmtp = 1')
        site.add_user(ALICE)
        site.start()
        until(lambda: state(site, "world.test")["state"] == "off", why="a list of the world is found out")
        until(lambda: answer(site, "127.0.2.30").code == 250, every=0.5, why="the worker knows it")
        yield site


def state(site: Site, zone: str) -> dict[str, Any]:
    rows = site.cli_json("dnslist", "list")["rows"]
    return next(row for row in rows if row["zone"] == zone)


def answer(
    site: Site, source: str, recipient: str = ALICE, sender: str = "ann@client.test", helo: str = "client.test"
) -> Reply:
    with site.wire(source=source) as wire:
        wire.must(250, f"EHLO {helo}")
        wire.must(250, f"MAIL FROM:<{sender}>")
        return wire.ask(f"RCPT TO:<{recipient}>")


def test_who_is_listed_is_refused_and_told_where_to_ask(listed: Site) -> None:
    reply = answer(listed, "127.0.2.7")
    assert (reply.code, reply.status) == (550, "5.7.1")
    assert "127.0.2.7 is listed in black.test: the black list of the test" in reply.text
    assert "Spam seen, see http://black.test/127.0.2.7" in reply.text


def test_who_is_not_listed_is_taken(listed: Site) -> None:
    assert answer(listed, "127.0.2.99").code == 250
    assert answer(listed, "127.0.2.14").code == 250  # 127.0.0.1 is no listing


def test_a_white_list_saves_from_a_black_one(listed: Site) -> None:
    with listed.wire(source="127.0.2.8") as wire:
        wire.must(250, "EHLO client.test")
        assert wire.message("ann@client.test", [ALICE], b"Subject: white\r\n\r\nx\r\n").code == 250
    (message,) = [text for text in listed.inbox(ALICE) if b"Subject: white" in text]
    assert b"dnswl=pass dns.zone=white.test policy.ip=127.0.3.2" in message


def test_a_white_list_without_trust_saves_nobody(listed: Site) -> None:
    assert answer(listed, "127.0.2.7").code == 550


def test_weights_add_up_to_the_threshold(listed: Site) -> None:
    assert answer(listed, "127.0.2.10").code == 250  # half
    reply = answer(listed, "127.0.2.11")  # two halves
    assert reply.code == 550
    assert "half.test" in reply.text
    assert "other-half.test" in reply.text


@pytest.mark.parametrize("source", ["127.0.2.12", "127.0.2.13"])
def test_an_error_code_is_no_listing_and_raises_an_alert(listed: Site, source: str) -> None:
    assert answer(listed, source).code == 250
    until(lambda: state(listed, "errors.test")["errors"] > 0)
    problems = [row["sentence"] for row in listed.cli_json("problems")["rows"]]
    assert any("errors.test gave answers that are none" in sentence for sentence in problems)


@pytest.mark.parametrize(
    ("zone", "why"),
    [("world.test", "everybody"), ("nobody.test", "nobody"), ("broken.test", "does not answer")],
)
def test_a_list_that_is_not_well_is_off_with_an_alert(listed: Site, zone: str, why: str) -> None:
    row = state(listed, zone)
    assert (row["state"], why in row["words"]) == ("off", True)
    problems = [row["sentence"] for row in listed.cli_json("problems")["rows"]]
    assert any(f"{zone} is not asked: " in sentence and why in sentence for sentence in problems)


@pytest.mark.parametrize("zone", ["black.test", "white.test", "domains.test"])
def test_a_list_that_is_well_is_on(listed: Site, zone: str) -> None:
    row = state(listed, zone)
    assert row["state"] == "well"
    assert row["listed"].startswith("127.0.")
    assert "not listed" in row["unlisted"]


def test_alerts_are_in_the_trace_and_in_the_log(listed: Site) -> None:
    stories = listed.cli("trace", "find", "--since", "1h").stdout.decode()
    assert "The DNS list world.test is not asked any more: it lists everybody." in stories
    story = listed.cli("trace", "find", "127.0.2.25").stdout.decode()
    assert "The DNS list black.test has our address 127.0.2.25: others refuse our mail for it" in story
    assert "DNS list world.test: it lists everybody" in listed.log_text()
    assert "our address 127.0.2.25 and the black list black.test" in listed.log_text()


def test_our_own_addresses_are_watched(listed: Site) -> None:
    page = listed.cli_json("dnslist", "list")
    assert [(own["zone"], own["address"]) for own in page["own"]] == [("black.test", "127.0.2.25")]
    problems = [(row["severity"], row["sentence"]) for row in listed.cli_json("problems")["rows"]]
    assert ("bad", "Our address 127.0.2.25 is on the black list black.test: others refuse our mail.") in problems


def test_domains_of_sender_helo_and_host(listed: Site) -> None:
    assert answer(listed, "127.0.2.99", sender="x@spam.client.test").code == 550
    assert answer(listed, "127.0.2.99", helo="bad.helo.test").code == 550
    reply = answer(listed, "127.0.2.20")
    assert reply.code == 550
    assert "mx.listed.test is listed in domains.test: bad domain" in reply.text
    assert answer(listed, "127.0.2.21").code == 250  # it says that name, and is not it


def test_the_desks_hear_everybody_and_our_own_are_not_asked_about(listed: Site) -> None:
    assert answer(listed, "127.0.2.7", "abuse@example.org").code == 250
    with listed.wire(listed.submission, source="127.0.2.7") as wire:
        wire.extensions()
        wire.must(220, "STARTTLS")
        wire.start_tls()
        wire.extensions()
        wire.log_in(ALICE, PASSWORD)
        wire.must(250, f"MAIL FROM:<{ALICE}>")
        wire.must(250, f"RCPT TO:<{ALICE}>")


def test_hits_are_counted(listed: Site) -> None:
    before = state(listed, "black.test")
    for number in range(3):
        assert answer(listed, "127.0.2.7", sender=f"n{number}@client.test").code == 550
    until(lambda: state(listed, "black.test")["hits"] >= before["hits"] + 3)
    assert state(listed, "black.test")["asked"] > state(listed, "black.test")["hits"]


def test_what_every_list_says_of_one_address(listed: Site) -> None:
    found = listed.cli_json("dnslist", "check", "127.0.2.11")
    says = {row["zone"]: (row["state"], row["counts"]) for row in found["rows"]}
    assert says["half.test"] == ("listed", True)
    assert says["black.test"] == ("clear", True)
    assert says["world.test"] == ("listed", False)
    assert (found["black"], found["white"]) == (1.0, 0.0)
    assert "is refused" in found["verdict"]
    assert "listed" in listed.cli("dnslist", "check", "2001:db8::7").stdout.decode()
    assert "bad domain" in listed.cli("dnslist", "check", "spam.client.test").stdout.decode()
    assert listed.cli("dnslist", "check", "no such thing", check=False).returncode == 2


def test_the_command_line_shows_the_lists(listed: Site) -> None:
    text = listed.cli("dnslist", "list").stdout.decode()
    assert "world.test is off since" in text
    assert "Ours: 127.0.2.25" in text


def test_a_list_that_gets_well_is_on_again(site: Site) -> None:
    with Dns(site.folder.with_name("dns"), {"changing.test": "* A 127.0.0.2\n"}) as server:
        settings = '[[dnslists.zone]]\nzone = "changing.test"\nkind = "black"\nabout = ["ipv4"]\n'
        site.configure(f"{server.settings}[dnslists]\nenabled = true\n{settings}")
        site.add_user(ALICE)
        site.start()
        until(lambda: state(site, "changing.test")["state"] == "off")
        server.change({"changing.test": TEST + "7.2.0.127 A 127.0.0.2\n"})
        site.cli("dnslist", "test")
        assert state(site, "changing.test")["state"] == "well"
        until(lambda: answer(site, "127.0.2.7").code == 550, every=0.5)


def test_a_dead_list_slows_nobody(site: Site) -> None:
    """One list answers nothing; the time that it may cost a client is short, and soon it costs nothing."""
    with LyingDns({"dead.test": lying_dns.silence}) as server:
        settings = '[[dnslists.zone]]\nzone = "dead.test"\nkind = "black"\nabout = ["ipv4"]\n'
        dns = f'[dns]\nnameservers = ["{server.address}"]\ntimeout_seconds = 20.0\nlifetime_seconds = 40.0\n'
        site.configure(f"{dns}[dnslists]\nenabled = true\ntimeout_seconds = 1.0\ntest_minutes = 0\n{settings}")
        site.configure("[workers]\nsmtp = 1")
        site.add_user(ALICE)
        site.start()
        took = []
        for number in range(40, 48):
            started = time.monotonic()
            assert answer(site, f"127.0.2.{number}").code == 250
            took.append(time.monotonic() - started)
        assert max(took) < 20.0  # never as long as the name server is waited for
        assert server.asked["dead.test"] <= 12  # after a few it is left alone
        assert min(took[3:]) < 1.0  # less than the list is waited for
