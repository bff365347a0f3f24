"""Alerts: what the postmaster must know of. What is about the same thing is one alert, however often it happens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from backend.errors import BadInput
from backend.store.database import Reader, Transaction

SORTS = {
    "need": "CASE WHEN state <> 'open' THEN 2 WHEN kind = 'outgoing' THEN 0 ELSE 1 END, last DESC, id DESC",
    "-last": "last DESC, id DESC",
    "-count": "count DESC, id DESC",
    "-first": "first DESC, id DESC",
    "first": "first, id",
}
STATES = ("open", "contained", "done", "over", "kept out")
PARTS = 50  # of each kind that are kept of an alert: the last ones
NEWS = 600  # seconds that an engine or a scorer which failed is open
_LONGEST = 500  # characters of a part
_COLUMNS = "id, kind, subject, words, peer, account, first, last, count, told, disagreed, handled"
# Whether who sent it cannot send any more: an account that is suspended or gone, a host with a rule against it.
_CONTAINED = (
    "CASE WHEN account IS NOT NULL"
    " THEN NOT EXISTS (SELECT 1 FROM accounts WHERE address = alerts.account AND state <> 'suspended')"
    " ELSE EXISTS (SELECT 1 FROM access_rules AS rule WHERE rule.verdict = 'deny' AND rule.kind = 'address'"
    " AND rule.what = alerts.peer AND (rule.until IS NULL OR rule.until > ?)) END"
)
_STATE = (
    f"CASE WHEN kind = 'incoming' THEN 'kept out' WHEN kind = 'outgoing' AND {_CONTAINED} THEN 'contained'"
    " WHEN last <= handled THEN 'done' WHEN kind IN ('engine', 'scorer') AND last < ? THEN 'over' ELSE 'open' END"
)


@dataclass(frozen=True, slots=True)
class Alert:
    """`kind`: incoming, outgoing, engine, scorer or probe; `subject`: the signature, who sent it, what does not work,
    or what was not found. `told`: when the postmaster was written to last, 0 for never; `disagreed`: messages that
    one engine called infected and another clean; `handled`: when somebody has seen to it, 0 for never.
    """

    id: int
    kind: str
    subject: str
    words: str
    peer: str | None
    account: str | None
    first: float
    last: float
    count: int
    told: float
    disagreed: int = 0
    handled: float = 0.0
    state: str = ""  # one of STATES, where it was asked for


@dataclass(frozen=True, slots=True)
class Part:
    """One address, account, verdict of the engines, or story of the trace, in an alert."""

    kind: str
    value: str
    first: float
    last: float
    count: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alerts. `part`: in the kind, the subject, the words, the account or the address."""

    part: str = ""
    kind: str | None = None
    state: str | None = None
    disagreed: bool = False


def note(
    transaction: Transaction,
    kind: str,
    subject: str,
    words: str,
    *,
    hours: float,
    peer: str | None = None,
    account: str | None = None,
    number: int = 1,
    disagree: bool = False,
    parts: Iterable[tuple[str, str]] = (),
) -> tuple[Alert, bool]:
    """It has happened once more, or `number` times; the alert, and whether the postmaster is to be told of it now. What
    happened last longer than `hours` ago is another alert. `parts`: (kind, value) of what is in it.
    """
    now = transaction.now
    row = transaction.row(
        f"SELECT {_COLUMNS} FROM alerts WHERE kind = ? AND subject = ? AND last > ? ORDER BY id DESC LIMIT 1",  # noqa: S608
        (kind, subject, now - hours * 3_600),
    )
    if row is None:
        tell = True
        row = transaction.row(
            "INSERT INTO alerts (kind, subject, words, peer, account, first, last, count, told, disagreed, handled)"  # noqa: S608
            f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING {_COLUMNS}",
            (kind, subject, words, peer, account, now, now, number, now, int(disagree)),
        )
    else:
        tell = now - row[9] >= hours * 3_600
        row = transaction.row(
            "UPDATE alerts SET count = count + ?, last = ?, words = ?, told = ?, disagreed = disagreed + ?,"  # noqa: S608
            f" peer = coalesce(?, peer) WHERE id = ? RETURNING {_COLUMNS}",
            (number, now, words, now if tell else row[9], int(disagree), peer, row[0]),
        )
    assert row is not None
    alert = Alert(*row)
    for part in parts:
        _add(transaction, alert.id, *part)
    return alert, tell


def _add(transaction: Transaction, alert: int, kind: str, value: str) -> None:
    count = transaction.value(
        "INSERT INTO alert_parts (alert, kind, value, first, last, count) VALUES (?, ?, ?, ?, ?, 1)"
        " ON CONFLICT (alert, kind, value) DO UPDATE SET last = excluded.last, count = alert_parts.count + 1"
        " RETURNING count",
        (alert, kind, value[:_LONGEST], transaction.now, transaction.now),
    )
    if count > 1:  # it was there
        return
    transaction.execute(
        "DELETE FROM alert_parts WHERE alert = ? AND kind = ? AND value NOT IN"
        " (SELECT value FROM alert_parts WHERE alert = ? AND kind = ? ORDER BY last DESC, value LIMIT ?)",
        (alert, kind, alert, kind, PARTS),
    )


def find(
    reader: Reader, wanted: Filter, now: float, *, sort: str = "-last", most: int = 100, offset: int = 0
) -> list[Alert]:
    """Those that match, with their state at the time `now`; `sort`: one of SORTS."""
    condition, parameters = _condition(wanted)
    rows = reader.rows(
        f"SELECT {_COLUMNS}, state FROM (SELECT {_COLUMNS}, {_STATE} AS state FROM alerts) AS found"  # noqa: S608
        f" WHERE {condition} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?",
        (now, now - NEWS, *parameters, most, offset),
    )
    return [Alert(*row) for row in rows]


def number(reader: Reader, wanted: Filter, now: float) -> int:
    """How many match."""
    condition, parameters = _condition(wanted)
    sql = f"SELECT count(*) FROM (SELECT {_COLUMNS}, {_STATE} AS state FROM alerts) AS found WHERE {condition}"  # noqa: S608
    found: int = reader.value(sql, (now, now - NEWS, *parameters))
    return found


def _condition(wanted: Filter) -> tuple[str, list[Any]]:
    conditions, parameters = ["1 = 1"], list[Any]()
    if wanted.part:
        columns = ("kind", "subject", "words", "coalesce(account, '')", "coalesce(peer, '')")
        conditions.append("(" + " OR ".join(f"instr({column}, ?)" for column in columns) + ")")
        parameters += [wanted.part] * len(columns)
    for column, value in (("kind", wanted.kind), ("state", wanted.state)):
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    if wanted.disagreed:
        conditions.append("disagreed > 0")
    return " AND ".join(conditions), parameters


def get(reader: Reader, identity: int, now: float) -> Alert:
    """That one; BadInput when there is none of this number."""
    row = reader.row(
        f"SELECT {_COLUMNS}, {_STATE} AS state FROM alerts WHERE id = ?",  # noqa: S608
        (now, now - NEWS, identity),
    )
    if row is None:
        raise BadInput(f"There is no alert {identity}; `mailconsole virus list` has them all.")
    return Alert(*row)


def parts(reader: Reader, alert: int) -> list[Part]:
    """What is in it, by kind; the last first."""
    rows = reader.rows(
        "SELECT kind, value, first, last, count FROM alert_parts WHERE alert = ? ORDER BY kind, last DESC, value",
        (alert,),
    )
    return [Part(*row) for row in rows]


def about(reader: Reader, *, account: str | None = None, peer: str | None = None) -> list[int]:
    """The alerts that one of ours, an account or a host, sent something infected."""
    where, value = ("account = ?", account) if account is not None else ("account IS NULL AND peer = ?", peer)
    return [row[0] for row in reader.rows(f"SELECT id FROM alerts WHERE kind = 'outgoing' AND {where}", (value,))]  # noqa: S608


def handle(transaction: Transaction, identity: int, when: float) -> float:
    """Somebody has seen to it at that time; the time that stood there. BadInput when there is none of this number."""
    before: float = get(transaction, identity, when).handled
    transaction.execute("UPDATE alerts SET handled = ? WHERE id = ?", (when, identity))
    return before


def forget(transaction: Transaction, before: float) -> None:
    """Forget what has not happened since."""
    transaction.execute("DELETE FROM alert_parts WHERE alert IN (SELECT id FROM alerts WHERE last < ?)", (before,))
    transaction.execute("DELETE FROM alerts WHERE last < ?", (before,))
