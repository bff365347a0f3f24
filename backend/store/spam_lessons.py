"""What the site has learnt of spam: counts by place, as many places as there are at the most, and the lessons.

A lesson is a message by its digest, so that none is learnt twice and each can be taken back.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from backend.errors import BadInput
from backend.store.database import Reader, Transaction

SPAM, HAM = KINDS = ("spam", "ham")
PLACES = 1 << 16  # that are counted: with two numbers each, the table ends at a few megabytes
_OF_A_KIND = 65_000  # lessons: a count holds 65,535


def version(reader: Reader) -> int:
    """A number that changes with every lesson."""
    return int(reader.value("SELECT last FROM numbers WHERE name = 'spam_lessons'") or 0)


def read(reader: Reader) -> tuple[array[int], array[int], int, int]:
    """Counts of spam and of good mail by place, and how many messages of each were learnt."""
    spam, ham = array("H", bytes(2 * PLACES)), array("H", bytes(2 * PLACES))
    for place, one, other in reader.execute("SELECT place, spam, ham FROM spam_counts"):
        spam[place], ham[place] = one, other
    return spam, ham, _number(reader, SPAM), _number(reader, HAM)


def lesson(reader: Reader, digest: str) -> str | None:
    """As what a message was learnt; None when it was not."""
    kind: str | None = reader.value("SELECT kind FROM spam_lessons WHERE digest = ?", (digest,))
    return kind


def learn(transaction: Transaction, digest: str, kind: str, places: Iterable[int]) -> bool:
    """Count a message; False when it was learnt so before. Learnt the other way, that is taken back first."""
    before = lesson(transaction, digest)
    if before == kind:
        return False
    places = sorted(places)
    if before is not None:
        forget(transaction, digest, places)
    if _number(transaction, kind) >= _OF_A_KIND:
        raise BadInput(f"{_OF_A_KIND:,} messages of {kind} were learnt; more do not make it better.")
    spam, ham = int(kind == SPAM), int(kind == HAM)
    transaction.executemany(
        "INSERT INTO spam_counts (place, spam, ham) VALUES (?, ?, ?)"
        " ON CONFLICT (place) DO UPDATE SET spam = spam + excluded.spam, ham = ham + excluded.ham",
        [(place, spam, ham) for place in places],
    )
    transaction.execute(
        "INSERT INTO spam_lessons (digest, kind, time) VALUES (?, ?, ?)", (digest, kind, transaction.now)
    )
    _changed(transaction)
    return True


def forget(transaction: Transaction, digest: str, places: Iterable[int]) -> str | None:
    """Take a lesson back; as what it was learnt, None when it was not."""
    kind = lesson(transaction, digest)
    if kind is None:
        return None
    spam, ham = int(kind == SPAM), int(kind == HAM)
    transaction.executemany(
        "UPDATE spam_counts SET spam = max(0, spam - ?), ham = max(0, ham - ?) WHERE place = ?",
        [(spam, ham, place) for place in sorted(places)],
    )
    transaction.execute("DELETE FROM spam_counts WHERE spam = 0 AND ham = 0")
    transaction.execute("DELETE FROM spam_lessons WHERE digest = ?", (digest,))
    _changed(transaction)
    return kind


def _number(reader: Reader, kind: str) -> int:
    return int(reader.value("SELECT count(*) FROM spam_lessons WHERE kind = ?", (kind,)))


def _changed(transaction: Transaction) -> None:
    transaction.execute(
        "INSERT INTO numbers (name, last) VALUES ('spam_lessons', 1) ON CONFLICT (name) DO UPDATE SET last = last + 1"
    )
