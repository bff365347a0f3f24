"""Which hosts are looked up in which list, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from backend.config import Code, ListZone, Spam
from backend.content.scorer import Opinion
from backend.content.spam import url_lists
from backend.policy.dnslist import CLEAR, SILENT, DnsList, Found, about_urls

URLS = DnsList(ListZone(zone="urls.test", kind="black", about=("url", "url_ip")))
HOSTS = DnsList(ListZone(zone="hosts.test", kind="black", about=("url_host",), weight=0.5))
CLIENTS = DnsList(ListZone(zone="clients.test", kind="black", about=("ipv4",)))


def ask(
    hosts: Iterable[str],
    listed: dict[str, Found],
    *,
    settings: Spam | None = None,
    some: tuple[DnsList, ...] = (URLS, HOSTS),
) -> tuple[tuple[Opinion, ...], list[tuple[str, str]]]:
    """What the lists say, and what they were asked."""
    asked: list[tuple[str, str]] = []

    async def said(one: DnsList, what: str) -> Found:
        asked.append((one.zone, what))
        return listed.get(what, CLEAR)

    async def own(domain: str) -> bool:
        return domain == "example.org"

    return asyncio.run(url_lists.ask(some, hosts, settings or Spam(), said, own)), asked


def test_a_domain_a_name_and_an_address() -> None:
    _, asked = ask(["www.shop.spam.co.uk", "other.spam.co.uk", "198.100.1.9"], {})
    assert asked == [
        ("urls.test", "spam.co.uk"),
        ("urls.test", "198.100.1.9"),
        ("hosts.test", "www.shop.spam.co.uk"),
        ("hosts.test", "other.spam.co.uk"),
    ]


def test_our_own_the_largest_and_the_skipped_are_not_asked_about() -> None:
    hosts = ["www.google.com", "mail.example.org", "example.org", "a.partner.test", "one.partner2.test", "10.1.2.3"]
    settings = Spam(url_skip=("partner.test", "one.partner2.test"))
    assert ask(hosts, {}, settings=settings)[1] == []
    assert ask(["two.partner2.test"], {}, settings=settings)[1] != []


def test_an_ipv6_address_is_not_asked_about() -> None:
    assert ask(["2001:db8::7"], {})[1] == []


def test_so_many_hosts_are_looked_up_and_no_more() -> None:
    hosts = [f"h{number}.test" for number in range(100)]
    _, asked = ask(hosts, {}, settings=Spam(url_hosts=4), some=(URLS,))
    assert [what for _, what in asked] == ["h0.test", "h1.test", "h98.test", "h99.test"]


def test_points_are_those_of_the_heaviest_code_and_weight() -> None:
    found, _ = ask(
        ["a.spam.test", "b.test"],
        {
            "spam.test": Found("listed", 1.0, "phishing"),
            "b.test": Found("listed", 0.25, "grey"),
            "a.spam.test": Found("listed", 0.5, "a host"),
        },
    )
    assert [(one.scorer, one.outcome, one.points) for one in found] == [
        ("urls.test", "scored", 4.0),
        ("hosts.test", "scored", 2.0),
    ]
    assert found[0].words == "a link leads to what urls.test has: phishing, grey"
    assert "spam.test" not in found[0].words  # what is in the mail stays there


def test_all_lists_together_give_no_more_than_the_settings_say() -> None:
    listed = {"spam.test": Found("listed", 1.0), "a.spam.test": Found("listed", 1.0)}
    found, _ = ask(["a.spam.test"], listed, settings=Spam(url_most=5.0))
    assert [one.points for one in found] == [4.0, 1.0]


def test_silence_and_errors_list_nobody() -> None:
    found, _ = ask(["spam.test"], {"spam.test": SILENT})
    assert [(one.outcome, one.points) for one in found] == [("failed", 0.0), ("failed", 0.0)]
    found, _ = ask(["spam.test"], {"spam.test": Found("error", words="we ask it too much")}, some=(URLS,))
    assert [(one.outcome, one.words) for one in found] == [("failed", "we ask it too much")]


def test_lists_about_clients_and_white_ones_are_none_of_these() -> None:
    bit = Code("127.0.0.&2")
    white = DnsList(ListZone(zone="white.test", kind="white", about=("host",), code=(bit,)))
    assert about_urls((URLS, CLIENTS, white, HOSTS)) == (URLS, HOSTS)
