"""Counts that all workers share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.policy import counters
from backend.policy.counters import Counters

WORKER = """
import sys
from pathlib import Path
from backend.policy.counters import Counters
counts = Counters(Path(sys.argv[1]))
print(sum(counts.add("ip:192.0.2.1", 60, 500, 600.0) == 0 for _ in range(400)))
"""


@pytest.fixture
def counts(tmp_path: Path) -> Iterator[Counters]:
    made = Counters(tmp_path / "counters")
    yield made
    made.close()


def test_the_limit_and_one_more(counts: Counters) -> None:
    assert [counts.add("a", 60, 3, 600.0) for _ in range(3)] == [0.0] * 3
    assert counts.add("a", 60, 3, 600.0) > 0
    assert counts.add("b", 60, 3, 600.0) == 0.0
    assert counts.add("a", 3_600, 3, 600.0) == 0.0  # another window, another count


def test_who_only_looks_counts_nothing(counts: Counters, tmp_path: Path) -> None:
    looking = Counters(tmp_path / "counters", dry=True)
    assert [looking.add("a", 60, 3, 600.0) for _ in range(9)] == [0.0] * 9
    assert [counts.add("a", 60, 3, 600.0) for _ in range(3)] == [0.0] * 3
    assert looking.add("a", 60, 3, 600.0) > 0
    looking.close()
    nowhere = Counters(tmp_path / "nowhere", dry=True)
    assert nowhere.add("a", 60, 3, 600.0) == 0.0
    nowhere.close()
    assert not (tmp_path / "nowhere").exists()


def test_no_limit(counts: Counters) -> None:
    assert [counts.add("a", 60, 0, 600.0) for _ in range(100)] == [0.0] * 100


def test_the_window_slides(counts: Counters) -> None:
    for _ in range(10):
        counts.add("a", 60, 10, 600.0)
    assert counts.add("a", 60, 10, 660.0) > 0  # all ten still count
    assert counts.add("a", 60, 10, 690.0) == 0.0  # half of them
    assert counts.add("a", 60, 10, 780.0) == 0.0
    assert counts.add("a", 60, 10, 10_000.0) == 0.0


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 100, allow_nan=False), st.integers(1, 4)), max_size=40),
)
def test_who_waits_as_told_is_let_in(
    tmp_path_factory: pytest.TempPathFactory, limit: int, steps: list[tuple[float, int]]
) -> None:
    counts = Counters(tmp_path_factory.getbasetemp() / "waiting")
    now = 1_000_000.0 + counts._memory.size()
    key = str(steps)
    for pause, amount in steps:
        now += pause
        wait = counts.add(key, 60, limit, now, min(amount, limit))
        if wait:
            assert 1 <= wait <= 120
            now += wait + 0.001
            assert counts.add(key, 60, limit, now, min(amount, limit)) == 0.0
    counts.close()


def test_four_processes_together(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WORKER, str(tmp_path / "counters")]
    children = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sum(int(child.communicate()[0]) for child in children) == 500


def test_counts_survive_a_restart_and_junk_does_not(tmp_path: Path) -> None:
    for _ in range(2):
        counts = Counters(tmp_path / "counters")
        assert counts.add("a", 60, 2, 600.0) == 0.0
        counts.close()
    counts = Counters(tmp_path / "counters")
    assert counts.add("a", 60, 2, 600.0) > 0
    counts.close()
    (tmp_path / "counters").write_bytes(b"junk")
    counts = Counters(tmp_path / "counters")
    assert counts.add("a", 60, 2, 600.0) == 0.0
    counts.close()


def test_a_flood_of_addresses_forgets_the_stalest(counts: Counters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_ENTRIES", 16)
    for number in range(100):
        assert counts.add(str(number), 60, 1, 600.0) == 0.0
    assert counts.add("99", 60, 1, 600.0) > 0


def test_what_counts_can_be_seen_and_forgotten(counts: Counters) -> None:
    for _ in range(3):
        counts.add("ip:192.0.2.1", 60, 5, 600.0)
    counts.add(f"sender:{'x' * 100}@client.test", 3_600, 5, 600.0)
    found = {count.key: (count.seconds, count.number) for count in counts.everything(600.0)}
    assert found["ip:192.0.2.1"] == (60, 3)
    assert found[f"sender:{'x' * 65}"] == (3_600, 1)
    assert counts.number("ip:192.0.2.1", 60, 600.0) == 3
    assert counts.number("ip:192.0.2.1", 60, 690.0) == 1.5  # half of the next window is over
    assert {count.key for count in counts.everything(730.0)} == {f"sender:{'x' * 65}"}
    counts.forget("ip:192.0.2.1", 60, 600.0)
    counts.forget("never:seen", 60, 600.0)
    assert counts.number("ip:192.0.2.1", 60, 600.0) == 0
    assert [counts.add("ip:192.0.2.1", 60, 3, 600.0) for _ in range(3)] == [0.0] * 3
