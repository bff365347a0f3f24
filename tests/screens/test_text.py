"""The gate for outside text, and the words of the filter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from screens import filtering
from screens.queue import GRAMMAR
from screens.text import safe


@given(st.text())
def test_nothing_unprintable_passes(words: str) -> None:
    assert safe(words).isprintable()


@given(st.text(), st.integers(0, 40))
def test_never_wider_than_asked(words: str, width: int) -> None:
    assert len(safe(words, width)) <= width


def test_what_is_harmless_stays() -> None:
    assert safe("Grüße [/nope] ☕") == "Grüße [/nope] ☕"
    assert safe("a\x1b[2Jb\n") == "a\\x1b[2Jb\\x0a"


@given(st.text())
def test_a_filter_is_arguments_or_a_sentence(words: str) -> None:
    sentence = ""
    found = {}
    try:
        found = GRAMMAR.parse(words)
    except filtering.FilterError as error:
        sentence = str(error)
    assert not sentence or sentence.endswith(".")
    assert set(found) <= {"state", "domain", "sender", "recipient", "message", "error", "older_than", "newer_than"}


def test_guesses() -> None:
    assert GRAMMAR.parse("deferred remote.test") == {"state": "deferred", "domain": "remote.test"}
    assert GRAMMAR.parse("bob@x.test older:2h") == {"recipient": "bob@x.test", "older_than": "2h"}
