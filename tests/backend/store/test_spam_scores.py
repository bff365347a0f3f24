"""Scores of the last messages, reports, and settings that were set in the service."""

from __future__ import annotations

import time

import pytest

from backend import ids
from backend.errors import BadInput
from backend.store import deletions, findings, overrides, spam_reports, spam_scores
from backend.store.database import Store, Transaction
from backend.store.spam_scores import Scored, Wanted


def scored(store: Store, *points: float, marked_from: float = 5.0, sender: str = "ann@Client.test") -> list[int]:
    """Messages that came with these points."""
    identities = [ids.new() for _ in points]

    def take(transaction: Transaction) -> None:
        for identity, one in zip(identities, points, strict=True):
            detail = {"points": one, "marked": one >= marked_from, "reasons": {"WORDS": one, "NO_DATE": 0.5}}
            spam_scores.note(transaction, identity, sender, detail)

    store.write(take)
    return identities


def test_what_is_kept_of_a_message(store: Store) -> None:
    [identity] = scored(store, 7.25)
    one = store.read(lambda reader: spam_scores.get(reader, identity))
    assert one is not None
    assert (one.points, one.marked, one.domain) == (7.25, True, "client.test")
    assert one.reasons == (("WORDS", 7.25), ("NO_DATE", 0.5))
    assert abs(one.time - time.time()) < 60


def test_each_is_counted_in_its_minute(store: Store) -> None:
    scored(store, 9.0, 1.0, 2.0)
    store.write(lambda transaction: spam_scores.note(transaction, ids.new(), "", {"failed": "late"}))
    store.write(lambda transaction: spam_scores.note(transaction, ids.new(), "", {}))
    now = time.time()
    series = store.read(lambda reader: findings.series(reader, now - 600, now, 1))
    assert series == {"spam.marked": [1], "spam.clean": [2], "spam.unscored": [1]}
    assert store.read(lambda reader: spam_scores.number(reader, Wanted())) == 3


def test_a_null_sender_and_strange_reasons(store: Store) -> None:
    [identity] = scored(store, 1.0, sender="")
    detail = {"points": 1.0, "marked": False, "reasons": {"x" * 500: 1.0, **{str(n): 0.0 for n in range(100)}}}
    other = ids.new()
    store.write(lambda transaction: spam_scores.note(transaction, other, f"a@{'y' * 999}", detail))
    assert store.read(lambda reader: spam_scores.get(reader, identity)).domain == ""  # type: ignore[union-attr]
    one = store.read(lambda reader: spam_scores.get(reader, other))
    assert one is not None
    assert (len(one.domain), len(one.reasons), len(one.reasons[0][0])) == (255, 12, 64)


def test_they_are_found_and_ordered(store: Store) -> None:
    scored(store, 1.0, 9.0)
    scored(store, 3.0, sender="bob@other.test")

    def find(order: str = "-time", **words: object) -> list[float]:
        wanted = Wanted(**words)  # type: ignore[arg-type]
        found = store.read(lambda reader: spam_scores.find(reader, wanted, order, 10))
        assert store.read(lambda reader: spam_scores.number(reader, wanted)) == len(found)
        return [one.points for one in found]

    assert find() == [3.0, 9.0, 1.0]
    assert find("points") == [1.0, 3.0, 9.0]
    assert find("-points", part="CLIENT") == [9.0, 1.0]
    assert find(part="no_date") == [3.0, 9.0, 1.0]
    assert find(marked=True) == [9.0]
    assert find(least=2.0, most=9.0) == [3.0]


def test_a_picture_has_its_edges(store: Store) -> None:
    scored(store, -99.0, -10.0, 4.99, 5.0, 19.9, 999.0)
    found = store.read(lambda reader: spam_scores.picture(reader, 100, -10.0, 0.5, 60))
    assert {place: number for place, number in enumerate(found.bins) if number} == {0: 2, 29: 1, 30: 1, 59: 2}
    assert (found.number, found.marked) == (6, 3)
    assert found.weights["NO_DATE"] == spam_scores.Weight(3, 3, 1.5, 1.5)
    assert store.read(lambda reader: spam_scores.picture(reader, 2, -10.0, 0.5, 60)).number == 2


def test_the_oldest_are_forgotten_in_pieces(store: Store) -> None:
    scored(store, *range(10))

    def forget(before: float, keep: int, piece: int) -> int:
        return store.write(lambda transaction: spam_scores.forget(transaction, before, keep, piece))

    assert forget(0.0, 10, 4) == 0
    assert [forget(0.0, 3, 4), forget(0.0, 3, 4), forget(0.0, 3, 4)] == [4, 3, 0]
    assert [one for _, one, _ in store.read(lambda reader: spam_scores.points(reader, 10))] == [9.0, 8.0, 7.0]
    assert forget(time.time() + 60, 10, 2) == 2
    assert forget(time.time() + 60, 10, 2) == 1


def test_a_report_is_replaced_and_taken_back(store: Store) -> None:
    one = Scored(5, 0.0, 7.0, True, (("WORDS", 7.0),), "client.test")

    def put(kind: str) -> None:
        store.write(lambda transaction: spam_reports.put(transaction, "d1", kind, "olga", one))

    def numbers() -> list[int]:
        return [store.read(lambda reader, what=what: spam_reports.number(reader, what)) for what in spam_reports.WRONG]  # type: ignore[misc]

    put("ham")
    assert numbers() == [1, 0]
    assert store.read(lambda reader: spam_reports.kinds(reader, [5, 6])) == {5: "ham"}
    put("spam")
    assert numbers() == [0, 0]
    [found] = store.read(lambda reader: spam_reports.find(reader, None, "CLIENT", 10))
    assert (found.kind, found.reporter, found.message, found.reasons) == ("spam", "olga", 5, (("WORDS", 7.0),))
    assert store.read(lambda reader: spam_reports.find(reader, None, "nobody", 10)) == []
    store.write(lambda transaction: spam_reports.forget_one(transaction, "d1"))
    assert store.read(spam_reports.number) == 0


def test_old_reports_go(store: Store) -> None:
    one = Scored(0, 0.0, 7.0, True, (), "")
    store.write(lambda transaction: spam_reports.put(transaction, "d1", "ham", "olga", one))
    assert store.write(lambda transaction: spam_reports.forget(transaction, time.time() - 60)) == 0
    assert store.write(lambda transaction: spam_reports.forget(transaction, time.time() + 60)) == 1


def test_a_setting_is_set_and_taken_back(store: Store) -> None:
    def threshold() -> float:
        return store.read(lambda reader: overrides.threshold(reader, 5.0))

    def put(value: str | None) -> dict[str, object]:
        return store.write(lambda t: overrides.put(t, overrides.SPAM_THRESHOLD, value, "olga"))

    def back(row: dict[str, object]) -> None:
        batch = store.write(
            lambda t: deletions.keep(t, until=1e12, actor="olga", action="x", summary="y", content={"overrides": [row]})
        )
        store.write(lambda t: deletions.put_back(t, batch))

    generation = store.generation.number
    first = put("4")
    assert store.generation.number > generation
    assert threshold() == 4.0
    second = put("6")
    with pytest.raises(BadInput, match="changed again"):
        back(first)
    assert threshold() == 6.0
    back(second)
    assert threshold() == 4.0
    assert [one.author for one in store.read(overrides.every)] == ["olga"]
    back(first)
    assert threshold() == 5.0
    assert store.read(overrides.every) == []
