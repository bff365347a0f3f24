"""The access lists: rules that let mail in or keep it out. Of two that fit, the older one decides.

A rule lies under one key (`access_patterns`), so a look-up costs a message the same whatever the number of rules. What
is changed here changes `Store.generation`; hits do not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import BadInput
from backend.store import access_patterns, deletions
from backend.store.access_patterns import Pattern, Subject
from backend.store.database import Reader, Transaction

ALLOW, DENY = VERDICTS = ("allow", "deny")
CROWD = 200  # rules with wildcards under one key: each of them is looked at, one after the other
_COLUMNS = "id, verdict, kind, what, owner, reason, created, until, hits, last_hit"
_COUNTED = 100_000  # matches are counted no further


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `until`: seconds since 1970, None without an end; `last_hit` is 0 as long as there was none."""

    id: int
    verdict: str
    kind: str
    what: str
    owner: str
    reason: str
    created: float
    until: float | None
    hits: int
    last_hit: float

    def over(self, now: float) -> bool:
        """Whether its time has passed."""
        return self.until is not None and self.until <= now


# -- changing


def add(
    transaction: Transaction,
    verdict: str,
    pattern: Pattern,
    *,
    owner: str,
    reason: str,
    until: float | None,
    created: float | None = None,
    hits: int = 0,
    last_hit: float = 0.0,
) -> int | None:
    """The number of the new rule; None when there is the same already. One whose time has passed begins again, unless
    the new one has passed too.
    """
    same = transaction.row(
        "SELECT id, until FROM access_rules WHERE verdict = ? AND kind = ? AND what = ?",
        (verdict, pattern.kind, pattern.what),
    )
    if same is not None:
        number: int = same[0]
        if same[1] is None or same[1] > transaction.now or (until is not None and until <= transaction.now):
            return None
        _update(transaction, number, {"until": until, "owner": owner, "reason": reason})
        return number
    if not pattern.exact:
        _uncrowded(transaction, pattern)
    number = transaction.value("UPDATE numbers SET last = last + 1 WHERE name = 'access_rules' RETURNING last")
    transaction.execute(
        f"INSERT INTO access_rules ({_COLUMNS}, key, shape) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            number,
            verdict,
            pattern.kind,
            pattern.what,
            owner,
            reason,
            transaction.now if created is None else created,
            until,
            hits,
            last_hit,
            pattern.key,
            pattern.shape,
        ),
    )
    transaction.directory_changed = True
    return number


def _uncrowded(transaction: Transaction, pattern: Pattern) -> None:
    there = transaction.value(
        "SELECT count(*) FROM (SELECT 1 FROM access_rules WHERE key = ? LIMIT ?) AS some", (pattern.key, CROWD)
    )
    if there >= CROWD:
        raise BadInput(
            f"There are {CROWD} rules like {pattern.what[:60]} already, and a message would be held against each of"
            " them; write rules without *, or ones that take in more."
        )


def change(transaction: Transaction, identity: int, changes: Mapping[str, Any]) -> tuple[Rule, Rule] | None:
    """Give a rule another `reason` or `until`; what it was and what it is. None when there is none of that number."""
    before = one(transaction, identity)
    if before is None:
        return None
    _update(transaction, identity, changes)
    after = one(transaction, identity)
    assert after is not None
    return before, after


def _update(transaction: Transaction, identity: int, changes: Mapping[str, Any]) -> None:
    columns = ", ".join(f"{name} = ?" for name in changes)
    transaction.execute(f"UPDATE access_rules SET {columns} WHERE id = ?", (*changes.values(), identity))  # noqa: S608
    transaction.directory_changed = True


def delete(transaction: Transaction, identities: Sequence[int]) -> deletions.Rows:
    """Take rules away; what they were."""
    rows: deletions.Rows = []
    for identity in identities:
        rows += deletions.take(transaction, "access_rules", "id = ?", (identity,))
    transaction.directory_changed = bool(rows)
    return rows


def count_hits(transaction: Transaction, hits: Mapping[int, int], when: float) -> None:
    """Add to the hits of rules, of which the last was at `when`."""
    transaction.executemany(
        "UPDATE access_rules SET hits = hits + ?, last_hit = CASE WHEN last_hit < ? THEN ? ELSE last_hit END"
        " WHERE id = ?",
        [(number, when, when, identity) for identity, number in hits.items()],
    )


# -- deciding


def shapes(reader: Reader) -> frozenset[str]:
    """The shapes of keys that any rule has: one look at the index for each, whatever the number of rules."""
    return frozenset(
        row[0]
        for row in reader.execute(
            "WITH RECURSIVE found(shape) AS (SELECT min(shape) FROM access_rules UNION ALL"
            " SELECT (SELECT min(shape) FROM access_rules WHERE shape > found.shape) FROM found"
            " WHERE found.shape IS NOT NULL) SELECT shape FROM found WHERE shape IS NOT NULL"
        )
    )


def about(
    reader: Reader, parts: Collection[tuple[str, str]], known: Collection[str] | None = None
) -> dict[tuple[str, str], tuple[Rule, ...]]:
    """The rules that fit each part of a subject, the oldest first; also those whose time has passed."""
    if known is None:
        known = shapes(reader)
    asked = {part: access_patterns.keys(*part, known) for part in parts}
    every = list(dict.fromkeys(key for keys in asked.values() for key in keys))
    under: dict[str, list[Rule]] = {}
    if every:
        marks = ",".join("?" * len(every))
        rows = reader.execute(
            f"SELECT key, {_COLUMNS} FROM access_rules WHERE key IN ({marks}) ORDER BY id",  # noqa: S608
            every,
        )
        for key, *columns in rows:
            under.setdefault(key, []).append(Rule(*columns))
    found = {}
    for part, keys in asked.items():
        rules = [
            rule for key in keys for rule in under.get(key, ()) if access_patterns.fits(rule.kind, rule.what, part[1])
        ]
        found[part] = tuple(sorted(rules, key=lambda rule: rule.id))
    return found


def fitting(reader: Reader, subject: Subject) -> list[Rule]:
    """All rules that fit, the oldest first; also those whose time has passed."""
    found = {rule.id: rule for rules in about(reader, list(subject.parts())).values() for rule in rules}
    return [found[identity] for identity in sorted(found)]


# -- people


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rules. Every field that is set must match; `text` is a part of what it is about or of its reason."""

    verdict: str | None = None
    kind: str | None = None
    text: str | None = None
    owner: str | None = None
    over: bool | None = None  # whether its time has passed, at `now`
    now: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether no field is set. An empty filter is never taken to mean everything."""
        return self == Filter(now=self.now)


SORTS = {  # name -> columns that an index holds
    "-age": "id DESC",
    "age": "id",
    "-hits": "hits DESC, id DESC",
    "hits": "hits, id",
    "-last": "last_hit DESC, id DESC",
    "last": "last_hit, id",
}


def one(reader: Reader, identity: int) -> Rule | None:
    """The rule of that number."""
    row = reader.row(f"SELECT {_COLUMNS} FROM access_rules WHERE id = ?", (identity,))  # noqa: S608
    return None if row is None else Rule(*row)


def find(reader: Reader, where: Filter, sort: str = "-age", most: int = 500, skip: int = 0) -> list[Rule]:
    """A page of the rules."""
    condition, parameters = _condition(where)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM access_rules WHERE {condition} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, skip),
    )
    return [Rule(*row) for row in rows]


def following(reader: Reader, where: Filter, after: int, most: int) -> list[Rule]:
    """The next rules behind number `after`, the oldest first: how bulk work walks the lists in pieces."""
    condition, parameters = _condition(where)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM access_rules WHERE {condition} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
        (*parameters, after, most),
    )
    return [Rule(*row) for row in rows]


def number(reader: Reader, where: Filter, most: int = _COUNTED) -> int:
    """How many rules match, counted up to `most`."""
    condition, parameters = _condition(where)
    found: int = reader.value(
        f"SELECT count(*) FROM (SELECT 1 FROM access_rules WHERE {condition} LIMIT ?) AS some",  # noqa: S608
        (*parameters, most),
    )
    return found


def total(reader: Reader) -> int:
    """How many rules there are in all."""
    found: int = reader.value("SELECT count(*) FROM access_rules")
    return found


def same(reader: Reader, verdict: str, pattern: Pattern) -> Rule | None:
    """The rule with this verdict about the same thing."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM access_rules WHERE verdict = ? AND kind = ? AND what = ?",  # noqa: S608
        (verdict, pattern.kind, pattern.what),
    )
    return None if row is None else Rule(*row)


def _condition(where: Filter) -> tuple[str, list[Any]]:
    parts: list[str] = []
    parameters: list[Any] = []
    for column, wanted in (("verdict", where.verdict), ("kind", where.kind), ("owner", where.owner)):
        if wanted is not None:
            parts.append(f"{column} = ?")
            parameters.append(wanted)
    if where.text is not None:
        parts.append("(what LIKE ? ESCAPE '\\' OR reason LIKE ? ESCAPE '\\')")
        parameters += [_like(where.text)] * 2
    if where.over is not None:
        parts.append("until <= ?" if where.over else "(until IS NULL OR until > ?)")
        parameters.append(where.now)
    return " AND ".join(parts) or "1 = 1", parameters


def _like(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped.replace('*', '%')}%"
