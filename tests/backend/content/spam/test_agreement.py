"""Who agrees with whom in a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.content.spam import agreement

STEP = "from mail.news.test (mail.news.test [192.0.2.1]) by mx.example.org with ESMTP; Tue, 12 Mar 2024 09:00:00 +0100"


def signs(
    author: str = "news.test",
    identity: str = "",
    steps: tuple[str, ...] = (),
    host: str = "",
    links: tuple[str, ...] = (),
) -> set[str]:
    return set(agreement.signs(author, identity, steps, host, links))


@pytest.mark.parametrize(
    ("host", "house"),
    [
        ("www.Example.ORG.", "example.org"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("ac.me", "ac.me"),
        ("192.0.2.1", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_house(host: str, house: str) -> None:
    assert agreement.house(host) == house


def test_all_of_one_house() -> None:
    found = signs("letters.news.test", "mx1.news.test", (STEP,), "", ("www.news.test", "img.cdn.test"))
    assert "same:received+ named+ id+ link+ brought+" in found
    assert "same:houses2" in found


def test_a_name_in_brackets_alone_is_no_named_host() -> None:
    helo = "from mail.news.test ([192.0.2.1]) by mx.example.org; Tue, 12 Mar 2024 09:00:00 +0100"
    assert "same:received+ named- id-" in signs(steps=(helo,))


def test_the_host_that_brings_it_counts_without_a_field() -> None:
    assert "same:received+ named+ id-" in signs(host="out.news.test")
    assert "same:received- named- id-" in signs(host="out.other.test")


def test_an_author_without_a_domain_agrees_with_nobody() -> None:
    found = signs(author="", identity="", host="", links=("localhost", "192.0.2.1"))
    assert found >= {"same:received-", "same:named-", "same:id-"}
    assert not any("link" in one for one in found)


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=200), max_size=30), st.text(max_size=60))
def test_any_text(author: str, identity: str, steps: list[str], link: str) -> None:
    assert len(signs(author, identity, tuple(steps), link, (link,))) < 20
