"""What checks found: each minute by check and value, each day by domain too. Counted with the commits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.store.database import Reader, Transaction

_DAY = 86_400
_LONGEST = 255  # characters of a domain
_ADD = (
    "INSERT INTO check_days (day, name, value, domain, number) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (day, name, value, domain) DO UPDATE SET number = check_days.number + excluded.number"
)


@dataclass(frozen=True, slots=True)
class DomainCount:
    """How often a check found that of a domain; `domain` is empty for all that are not kept by name."""

    domain: str
    number: int


def count(transaction: Transaction, findings: Iterable[tuple[str, str, str]]) -> None:
    """Count these, (check, value, domain) each, under `check.value`; `domain` is empty where it is about none."""
    day = int(transaction.now) // _DAY
    for name, value, domain in findings:
        transaction.count(f"{name}.{value}")
        if domain:
            transaction.add_up(_ADD, (day, name, value, domain[:_LONGEST]))


def series(reader: Reader, since: float, until: float, parts: int) -> dict[str, list[int]]:
    """For each `check.value`, its number in each of so many equal parts of that time, the oldest first."""
    first, last = int(since) // 60, int(until) // 60
    width = max(1, -(-(last - first + 1) // parts))
    found: dict[str, list[int]] = {}
    for name, part, number in reader.execute(
        "SELECT name, (minute - ?) / ?, sum(number) FROM minutes WHERE minute BETWEEN ? AND ? AND name LIKE '%.%'"
        " GROUP BY 1, 2",
        (first, width, first, last),
    ):
        found.setdefault(name, [0] * parts)[min(part, parts - 1)] += number
    return found


def domains(reader: Reader, name: str, value: str, since: float, most: int) -> list[DomainCount]:
    """The domains of which a check found that most often since a day."""
    rows = reader.rows(
        "SELECT domain, sum(number) AS n FROM check_days WHERE day >= ? AND name = ? AND value = ?"
        " GROUP BY domain ORDER BY n DESC, domain LIMIT ?",
        (int(since) // _DAY, name, value, most),
    )
    return [DomainCount(*row) for row in rows]


def trim(transaction: Transaction, keep: int) -> None:
    """Of today and yesterday, keep the `keep` domains with the most of each value; the others go under no name."""
    today = int(transaction.now) // _DAY
    kinds = transaction.rows(
        "SELECT day, name, value FROM check_days WHERE day >= ? GROUP BY day, name, value HAVING count(*) > ?",
        (today - 1, keep + 1),
    )
    for day, name, value in kinds:
        where = "day = ? AND name = ? AND value = ? AND domain != ''"
        least: int = transaction.value(
            f"SELECT number FROM check_days WHERE {where} ORDER BY number DESC LIMIT 1 OFFSET ?",  # noqa: S608
            (day, name, value, keep),
        )
        few = (day, name, value, least)
        rest = transaction.value(f"SELECT sum(number) FROM check_days WHERE {where} AND number <= ?", few)  # noqa: S608
        transaction.execute(f"DELETE FROM check_days WHERE {where} AND number <= ?", few)  # noqa: S608
        transaction.execute(_ADD, (day, name, value, "", rest))


def forget(transaction: Transaction, before: float) -> int:
    """Delete days before that time; answers how many rows."""
    return transaction.execute("DELETE FROM check_days WHERE day < ?", (int(before) // _DAY,)).rowcount
