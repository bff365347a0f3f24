"""Queue ids."""

from __future__ import annotations

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from backend import ids


@given(st.integers(0, 2**63 - 1))
def test_text_and_back(number: int) -> None:
    word = ids.text(number)
    assert len(word) == 13
    assert ids.parse(word) == ids.parse(word.lower()) == number


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_words_sort_as_numbers_do(one: int, other: int) -> None:
    assert (ids.text(one) < ids.text(other)) == (one < other)


@given(st.text(max_size=20))
def test_any_word_is_an_id_or_none(word: str) -> None:
    number = ids.parse(word)
    assert number is None or ids.text(number) == word.upper()


def test_a_thousand_new_ones_differ() -> None:
    assert len({ids.new() for _ in range(1_000)}) == 1_000


def test_two_slots_never_make_the_same_one() -> None:
    made: list[set[int]] = []
    for slot in ("1", "2"):
        words = [sys.executable, "-c", "from backend import ids\nfor _ in range(500): print(ids.new())"]
        done = subprocess.run(words, capture_output=True, check=True, env={**os.environ, "MAILCONSOLE_SLOT": slot})
        made.append({int(line) for line in done.stdout.split()})
    assert made[0].isdisjoint(made[1])
    assert {number >> 13 & 0xFF for number in made[0]} == {1}
