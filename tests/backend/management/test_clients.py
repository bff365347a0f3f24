"""DNS lists and rates, as actions; what they make of problems."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from backend.address import parse
from backend.config import Dns as DnsSettings
from backend.config import DnsLists, HostPort, ListZone, Settings
from backend.errors import BadInput
from backend.management.actions import dnslists as room
from backend.management.registry import Call
from backend.policy.counters import Counters
from backend.policy.dnslist import lists
from backend.store import accounts, dnslists, sending
from backend.store.database import Store, Transaction
from backend.store.dnslists import Count
from tests.backend.management.conftest import Act
from tests.harness.dns import Dns, Silence

ZONES = (
    ListZone(zone="black.test", kind="black", about=("ipv4",)),
    ListZone(zone="half.test", kind="black", about=("ipv4", "sender"), weight=0.5),
    ListZone(zone="white.test", kind="white", about=("ipv4", "ipv6")),
)


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    zones = {
        "black.test": "2.0.0.127 A 127.0.0.2\n7.2.0.192 A 127.0.0.2\n7.2.0.192 TXT you",
        "half.test": "2.0.0.127 A 127.0.0.2\n8.2.0.192 A 127.0.0.2\ntest A 127.0.0.2\nspam.test A 127.0.0.2",
        "white.test": "* A 127.0.0.2",
    }
    with Dns(tmp_path_factory.mktemp("dns"), zones) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, nameserver: Dns) -> Settings:
    dns = DnsSettings((HostPort("127.0.0.1", nameserver.port),), timeout_seconds=10.0, lifetime_seconds=20.0)
    lists = DnsLists(own_addresses=("192.0.2.7",), zone=ZONES)
    return replace(settings, dns=dns, dnslists=lists)


def sentences(act: Act) -> list[str]:
    return [row["sentence"] for row in act("problems")["rows"]]


def test_lists_are_untested_then_tested(act: Act) -> None:
    assert [row["state"] for row in act("dnslist.list")["rows"]] == ["untested"] * 3
    page = act("dnslist.test")
    assert [(row["zone"], row["state"], row["words"]) for row in page["rows"]] == [
        ("black.test", "well", ""),
        ("half.test", "well", ""),
        ("white.test", "off", "it lists everybody"),
    ]
    assert [(own["zone"], own["address"], own["words"]) for own in page["own"]] == [
        ("black.test", "192.0.2.7", "192.0.2.7 is listed in black.test: you")
    ]
    assert "The DNS list white.test is not asked: it lists everybody." in sentences(act)
    assert act("audit-log.list")["rows"][0]["action"] == "dnslist.test"


@pytest.mark.parametrize(
    ("what", "states", "words"),
    [
        ("192.0.2.7", ["listed", "clear", "listed"], "A white list vouches for 192.0.2.7"),
        ("192.0.2.8", ["clear", "listed", "listed"], "A white list vouches"),
        ("[IPv6:2001:db8::1]", ["listed"], "A white list vouches for 2001:db8::1"),
        ("Ann@Spam.Test", ["listed"], "not refused for it: black lists weigh 0.5, and 1 is needed"),
        ("good.test", ["clear"], "No list of ours has good.test"),
    ],
)
def test_what_lists_say(act: Act, what: str, states: list[str], words: str) -> None:
    found = act("dnslist.check", what=what)
    assert [row["state"] for row in found["rows"]] == states
    assert words in found["verdict"]


def test_a_list_that_is_off_has_no_say(act: Act) -> None:
    act("dnslist.test")
    found = act("dnslist.check", what="192.0.2.7")
    assert [(row["zone"], row["counts"]) for row in found["rows"]][-1] == ("white.test", False)
    assert "Mail from 192.0.2.7 is refused: black lists weigh 1" in found["verdict"]


@pytest.mark.parametrize("what", ["", "no such thing", "300.1.2.3.4/8"])
def test_what_is_neither_address_nor_domain(act: Act, what: str) -> None:
    with pytest.raises(BadInput):
        act("dnslist.check", what=what)


def test_switched_off(act: Act, settings: Settings, store: Store) -> None:
    off = replace(settings, dnslists=DnsLists(enabled=False))
    call = Call(store, off, *([None] * 3))  # type: ignore[arg-type]
    assert room.dnslist_list(call).rows == ()
    with pytest.raises(BadInput, match="switched off"):
        room.dnslist_test(call)


def test_no_list_answers_is_one_problem(store: Store, settings: Settings, act: Act) -> None:
    for zone in ZONES:
        store.write(lambda t, zone=zone: dnslists.tested(t, zone.zone, dnslists.SILENT, "no answer", "no answer"))  # type: ignore[misc]
    found = sentences(act)
    assert "No DNS list answers: perhaps the name servers do not." in found
    assert not [sentence for sentence in found if "is not asked" in sentence]


def test_nonsense_is_a_problem_for_an_hour(store: Store, act: Act) -> None:
    store.write(lambda t: dnslists.count(t, [("black.test", Count(1, 0, 1, "we ask it too much"))]))
    assert "The DNS list black.test gave answers that are none: we ask it too much." in sentences(act)

    def age(transaction: Transaction) -> None:
        transaction.execute("UPDATE dnslists SET last_error = last_error - 3601")

    store.write(age)
    assert not [sentence for sentence in sentences(act) if "black.test" in sentence]


def test_silence_is_said_within_the_time_of_a_request(act: Act, settings: Settings) -> None:
    with Silence() as nobody:
        dns = DnsSettings((HostPort("127.0.0.1", nobody.port),), timeout_seconds=2.0, lifetime_seconds=4.0)
        call = Call(None, replace(settings, dns=dns), *([None] * 3))  # type: ignore[arg-type]
        one = asyncio.run(room._ask(call, list(lists(settings.dnslists)), "192.0.2.7"))
    assert {found.state for _, found in one} == {"silent"}


@pytest.fixture
def counters(settings: Settings) -> Iterator[Counters]:
    made = Counters(settings.site.run / "counters")
    yield made
    made.close()


def test_rates_before_the_first_start(act: Act, settings: Settings) -> None:
    assert act("rate.list") == {"throttled": [], "rows": []}
    with pytest.raises(BadInput):
        act("rate.forgive", who="192.0.2.1")
    assert not (settings.site.run / "counters").exists()  # it is the service's to make


def test_who_is_near_a_limit(act: Act, counters: Counters) -> None:
    now = time.time()
    counters.add("ip:192.0.2.1", 60, 600, now, 400)
    counters.add("ip:192.0.2.2", 60, 600, now, 10)
    counters.add("unknown:192.0.2.1", 3_600, 200, now, 200)
    rows = act("rate.list")["rows"]
    assert [(row["what"], row["who"], row["limit"]) for row in rows] == [
        ("guesses", "192.0.2.1", 200),
        ("address", "192.0.2.1", 600),
    ]
    assert len(act("rate.list", every=True)["rows"]) == 3
    act("rate.forgive", who="192.0.2.1")
    assert act("rate.list")["rows"] == []


def test_an_account_is_forgiven(act: Act, store: Store, counters: Counters) -> None:
    def slow(transaction: Transaction) -> None:
        one = accounts.add_account(transaction, parse("alice@example.org"), "x")
        sending.slow_down(transaction, one.id, one.address, 900, 3.0, transaction.now + 3_600)

    store.write(slow)
    sentence = "alice@example.org is slowed down: it wrote to 900 recipients in a day, and to 3 on a usual one."
    assert sentence in sentences(act)
    done = act("rate.forgive", who="Alice@example.org", lasts="2d")
    assert done["until"] > act("rate.list")["throttled"][0]["since"]
    assert act("rate.list")["throttled"][0]["state"] == "forgiven"
    assert sentence not in sentences(act)
