"""What checks found, counted by minute and by domain; few rows however many domains there are."""

from __future__ import annotations

import time

import pytest

from backend.errors import BadInput
from backend.store import findings, statistics
from backend.store.database import Store, Transaction


def test_by_minute_and_by_domain(store: Store) -> None:
    for _ in range(3):
        store.write(
            lambda t: findings.count(t, [("spf", "pass", "a.test"), ("dmarc", "fail", "a.test"), ("arc", "none", "")])
        )
    store.write(lambda t: findings.count(t, [("dmarc", "fail", "b.test")]))
    now = time.time()
    series = store.read(lambda reader: findings.series(reader, now - 3_600, now, 4))
    assert {name: sum(numbers) for name, numbers in series.items()} == {"spf.pass": 3, "dmarc.fail": 4, "arc.none": 3}
    assert all(len(numbers) == 4 for numbers in series.values())
    found = store.read(lambda reader: findings.domains(reader, "dmarc", "fail", now, 10))
    assert [(one.domain, one.number) for one in found] == [("a.test", 3), ("b.test", 1)]
    minutes = store.read(lambda reader: statistics.minutes(reader, now - 60, now))
    assert all(set(figures) == set(statistics.NAMES) for _, figures in minutes)


def test_what_is_undone_is_not_counted(store: Store) -> None:
    def fails(transaction: Transaction) -> None:
        findings.count(transaction, [("dmarc", "fail", "a.test")])
        raise BadInput("no")

    with pytest.raises(BadInput):
        store.write(fails)
    assert store.read(lambda reader: findings.domains(reader, "dmarc", "fail", time.time(), 10)) == []


def test_a_flood_of_domains_leaves_the_largest(store: Store) -> None:
    def flood(transaction: Transaction) -> None:
        for number in range(500):
            for _ in range(3 if number < 10 else 1):
                findings.count(transaction, [("dmarc", "fail", f"d{number}.test")])

    store.write(flood)
    for _ in range(2):
        store.write(lambda transaction: findings.trim(transaction, 10))
        found = store.read(lambda reader: findings.domains(reader, "dmarc", "fail", time.time(), 1_000))
        assert [one.number for one in found] == [490] + [3] * 10
        assert found[0].domain == ""


def test_old_days_go(store: Store) -> None:
    store.write(lambda t: findings.count(t, [("dmarc", "fail", "a.test")]))
    assert store.write(lambda t: findings.forget(t, time.time())) == 0
    assert store.write(lambda t: findings.forget(t, time.time() + 86_400)) == 1
