"""What is looked up in a DNS list, and what its answers mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.config import Code, DnsLists, ListZone
from backend.list_presets import ANSWER, PRESETS, filled
from backend.policy.dnslist import DnsList, Found, lists, printable


def black(*codes: Code, weight: float = 1.0) -> DnsList:
    return DnsList(ListZone(zone="black.test", kind="black", about=("ipv4",), code=codes, weight=weight))


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("192.0.2.99", "99.2.0.192.black.test"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.black.test"),
        ("Spam.Example.", "spam.example.black.test"),
    ],
)
def test_names(what: str, name: str) -> None:
    assert black().name(what) == name


@pytest.mark.parametrize("answer", ["127.255.255.252", "127.255.255.254", "127.255.255.255", "192.0.2.1", "0.0.0.0"])
@pytest.mark.parametrize("preset", ["spamhaus-zen", "dnswl", "spamcop", "rediris-eswl"])
def test_an_error_is_no_listing_whatever_else_is_said(preset: str, answer: str) -> None:
    one = DnsList(ListZone(preset))
    for answers in ([answer], [answer, "127.0.0.2"]):
        found = one.read(answers)
        assert (found.state, found.weight) == ("error", 0.0)
        assert found.words


@pytest.mark.parametrize(
    ("preset", "answer", "state", "weight"),
    [
        ("spamhaus-zen", "127.0.0.2", "listed", 1.0),
        ("spamhaus-zen", "127.0.0.11", "listed", 1.0),
        ("spamhaus-zen", "127.0.0.12", "clear", 0.0),
        ("spamhaus-zen", "127.0.1.2", "clear", 0.0),
        ("spamhaus-dbl", "127.0.1.4", "listed", 1.0),
        ("spamhaus-dbl", "127.0.1.104", "listed", 0.5),
        ("spamhaus-dbl", "127.0.1.255", "error", 0.0),  # an address was asked about
        ("surbl", "127.0.0.8", "listed", 1.0),
        ("surbl", "127.0.0.80", "listed", 1.0),  # two bits
        ("surbl", "127.0.0.254", "listed", 1.0),
        ("surbl", "127.0.0.4", "clear", 0.0),
        ("surbl", "127.0.0.1", "error", 0.0),  # it does not answer us
        ("uribl", "127.0.0.2", "listed", 1.0),
        ("uribl", "127.0.0.4", "listed", 0.25),
        ("uribl", "127.0.0.14", "listed", 1.0),
        ("uribl", "127.0.0.1", "error", 0.0),
        ("spamcop", "127.0.0.2", "listed", 1.0),
        ("spamcop", "127.0.0.3", "clear", 0.0),
        ("dnswl", "127.0.5.3", "listed", 1.0),
        ("dnswl", "127.0.5.1", "listed", 0.5),
        ("dnswl", "127.0.10.0", "listed", 0.0),
        ("dnswl", "127.0.0.255", "clear", 0.0),  # it does not answer us
        ("rediris-weak", "127.0.0.2", "listed", 0.5),
        ("rediris-eswl", "127.0.0.1", "clear", 0.0),
    ],
)
def test_what_presets_say(preset: str, answer: str, state: str, weight: float) -> None:
    found = DnsList(ListZone(preset)).read([answer])
    assert (found.state, found.weight) == (state, weight)


def test_the_heaviest_code_counts_once() -> None:
    one = black(Code("127.0.0.2", 0.5, "half"), Code("127.0.0.4-7", 2.0, "double"), weight=0.5)
    found = one.read(["127.0.0.6", "127.0.0.2", "127.0.0.4"])
    assert (found.weight, found.words) == (1.0, "half, double")
    assert found.codes == ("127.0.0.2", "127.0.0.4", "127.0.0.6")
    assert one.read([]) == Found("clear")


def test_the_settings_win_over_a_preset() -> None:
    zone = filled(ListZone("spamhaus-zen", weight=0.5, url="https://example.net/{what}"))
    assert (zone.zone, zone.weight, zone.code) == ("zen.spamhaus.org", 0.5, PRESETS["spamhaus-zen"].code)
    reason = DnsList(zone).reason("192.0.2.1", Found("listed", 0.5, "SBL"))
    assert reason == "192.0.2.1 is listed in zen.spamhaus.org: SBL: https://example.net/192.0.2.1"


def test_none_when_they_are_switched_off() -> None:
    assert [one.zone for one in lists(DnsLists())][:2] == ["eswlrev.dnsbl.rediris.es", "mtawlrev.dnsbl.rediris.es"]
    assert lists(DnsLists(enabled=False)) == ()


@given(st.text(max_size=500))
def test_what_a_list_says_stays_on_one_line(text: str) -> None:
    line = printable(text)
    assert line.isascii()
    assert line.isprintable()
    assert len(line) <= 200


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=5))
def test_any_answer_can_be_read(addresses: list[str]) -> None:
    for preset in PRESETS:
        found = DnsList(ListZone(preset)).read(addresses)
        assert found.weight == 0 or all(address.startswith("127.") for address in addresses)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("127.0.0.2", True),
        ("127.0.*.3", True),
        ("127.0.0.4-7", True),
        ("127.0.0", False),
        ("10.0.0.2", False),
        ("127.0.0.x", False),
    ],
)
def test_what_an_answer_looks_like(text: str, right: bool) -> None:
    assert (ANSWER.fullmatch(text) is not None) is right
