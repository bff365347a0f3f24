"""Times in words."""

from __future__ import annotations

import pytest

from backend import clock
from backend.errors import BadInput


def test_times() -> None:
    assert clock.rfc3339(0.9) == "1970-01-01T00:00:00Z"
    assert clock.date(1_795_500_000) == "Tue, 24 Nov 2026 06:00:00 +0000"


@pytest.mark.parametrize(
    ("words", "seconds"), [("90s", 90), ("10m", 600), (" 4H ", 14_400), ("5d", 432_000), ("2w", 1_209_600)]
)
def test_span(words: str, seconds: float) -> None:
    assert clock.span(words) == seconds


@pytest.mark.parametrize("words", ["", "5", "m", "-5m", "1.5h", "5y", "1h30m", "9999999999s"])
def test_no_span(words: str) -> None:
    with pytest.raises(BadInput, match="length of time"):
        clock.span(words)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (-5, "0s"), (59.9, "59s"), (60, "1m"), (3_661, "1h 1m"), (86_400 * 3 + 4 * 3_600, "3d 4h")],
)
def test_in_words(seconds: float, words: str) -> None:
    assert clock.in_words(seconds) == words
