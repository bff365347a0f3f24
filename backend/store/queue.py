"""The queue: one entry a recipient elsewhere, leased by the runners, steered by people.

A lease moves an entry's `due` into the future and names the runner: what a killed process held comes back by
itself when that time has come. A hold moves it to the end of time. `destinations` has the counts of each domain and
a lower bound of its entries' `due`, so neither a full queue nor a dead destination costs the others anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backend import ids
from backend.store import hold_rules, messages, trace
from backend.store.database import Reader, Transaction
from backend.store.notices import Notice, tell

if TYPE_CHECKING:
    from backend.store.messages import Message, Remote

HELD = 1e12  # `due` of a held entry: the year 33658
STATES = ("new", "active", "deferred", "held")
_COLUMNS = (
    "id, message, ordinal, sender, recipient, domain, size, received, state, due, attempts, lease, notify, orcpt,"
    " delayed, error, leaves_as, tls"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient's entry. `due` is HELD for a held one, the end of the lease for an active one."""

    row: int
    message: int
    ordinal: int
    sender: str
    recipient: str
    domain: str
    size: int
    received: float
    state: str
    due: float
    attempts: int
    lease: str | None
    notify: str | None
    orcpt: str | None
    delayed: bool
    error: str | None
    leaves_as: str | None = None  # the sender that it leaves with, when an alias of ours sends it on
    tls: str | None = None  # as of `messages.Message`

    @property
    def reverse_path(self) -> str:
        """What MAIL says of it to the next host; empty for <>."""
        return self.leaves_as or self.sender

    @property
    def id(self) -> str:
        """The id that people use: the message's, a dash, the recipient's number."""
        return f"{ids.text(self.message)}-{self.ordinal}"


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(*row[:14], bool(row[14]), *row[15:])  # type: ignore[call-arg]


def enqueue(transaction: Transaction, message: Message, remote: Sequence[Remote], first: int = 1) -> None:
    """An entry for each recipient, due at once unless a rule holds it; their numbers begin with `first`."""
    now = transaction.now
    held = hold_rules.holding(transaction, message.sender, message.peer, [to.recipient for to in remote])
    received = message.received or now
    waiting = Counter(to.domain for to in remote if to.recipient in held)
    transaction.executemany(
        "INSERT INTO queue (message, ordinal, sender, recipient, domain, size, received, state, due, attempts,"
        " notify, orcpt, leaves_as, tls) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
        [
            (
                message.id,
                ordinal,
                message.sender,
                to.recipient,
                to.domain,
                message.body.size,
                received,
                "held" if to.recipient in held else "new",
                HELD if to.recipient in held else now,
                to.notify,
                to.orcpt,
                to.leaves_as,
                message.tls,
            )
            for ordinal, to in enumerate(remote, first)
        ],
    )
    transaction.executemany(
        "INSERT INTO destinations (domain, total, deferred, held, due) VALUES (?, ?, 0, ?, ?)"
        " ON CONFLICT (domain) DO UPDATE SET total = destinations.total + excluded.total,"
        " held = destinations.held + excluded.held,"
        " due = CASE WHEN excluded.due < destinations.due THEN excluded.due ELSE destinations.due END",
        [
            (domain, number, waiting[domain], HELD if waiting[domain] == number else now)
            for domain, number in Counter(to.domain for to in remote).items()
        ],
    )
    for to in remote:
        if rule := held.get(to.recipient):
            detail = {"rule": rule.id, "why": rule.reason}
            trace.add(transaction, "queue", "held", message=message.id, recipient=to.recipient, detail=detail)


# -- the runners


def due_domains(reader: Reader, now: float, most: int) -> list[str]:
    """Domains with entries that are due, the longest due first: a look without the turn to write."""
    return [
        row[0]
        for row in reader.execute("SELECT domain FROM destinations WHERE due <= ? ORDER BY due LIMIT ?", (now, most))
    ]


def lease(
    transaction: Transaction,
    owner: str,
    seconds: float,
    most: int,
    exclude: Sequence[str] = (),
    each: int = 100,
) -> list[Entry]:
    """Entries that are due, for `owner` alone during `seconds`: at most `most`, and `each` of one domain.

    Domains in `exclude` (those that have all the connections they may) are passed over. The oldest due come first.
    """
    marks = ",".join("?" * len(exclude))
    domains = transaction.rows(
        f"SELECT domain FROM destinations WHERE due <= ? AND domain NOT IN ({marks}) ORDER BY due LIMIT ?",  # noqa: S608
        (transaction.now, *exclude, most),
    )
    leased: list[Entry] = []
    for (domain,) in domains:
        rows = transaction.rows(
            f"SELECT {_COLUMNS} FROM queue WHERE domain = ? AND due <= ? ORDER BY due LIMIT ?",  # noqa: S608
            (domain, transaction.now, min(each, most - len(leased))),
        )
        transaction.executemany(
            "UPDATE queue SET due = ?, lease = ? WHERE id = ?",
            [(transaction.now + seconds, owner, row[0]) for row in rows],
        )
        _refresh_due(transaction, domain)
        leased += map(_entry, rows)
        if len(leased) >= most:
            break
    return leased


def give_back(transaction: Transaction, owner: str, rows: Sequence[int]) -> None:
    """End the lease of entries that were not tried: they are due again at once."""
    found = _each(
        transaction, "UPDATE queue SET due = ?, lease = NULL WHERE id = ? AND lease = ? RETURNING domain",
        [(transaction.now, row, owner) for row in rows],
    )  # fmt: skip
    for (domain,) in set(found):
        _refresh_due(transaction, domain)


def owners(reader: Reader) -> list[str]:
    """All who hold leases, the dead among them."""
    return [row[0] for row in reader.execute("SELECT DISTINCT lease FROM queue WHERE lease IS NOT NULL")]


def take_over(transaction: Transaction, owner: str) -> int:
    """End all leases of one who is dead: they are due again at once. Answers how many there were."""
    rows = [row[0] for row in transaction.execute("SELECT id FROM queue WHERE lease = ?", (owner,))]
    give_back(transaction, owner, rows)
    return len(rows)


def renew(transaction: Transaction, owner: str, rows: Sequence[int], seconds: float) -> None:
    """Let leases that `owner` still has go on for `seconds`: for work that takes long."""
    transaction.executemany(
        "UPDATE queue SET due = ? WHERE id = ? AND lease = ?",
        [(transaction.now + seconds, row, owner) for row in rows],
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one try. `outcome`: relayed, delivered, deferred or failed."""

    entry: Entry
    outcome: str
    status: str = ""  # enhanced status code
    reply: str = ""  # the words of the other side, or ours
    mta: str = ""  # who was spoken to: name[address]:port
    due: float = 0.0  # of a deferred one: when to try again
    notice: Notice | None = None  # what the sender is to be told
    detail: dict[str, Any] | None = None  # for the trace: TLS, seconds ...


def finish(transaction: Transaction, owner: str, results: Sequence[Result]) -> None:
    """Write down what came of leased entries. One whose lease was lost meanwhile is left to who has it now."""
    for result in results:
        entry = result.entry
        if result.outcome == "deferred":
            kept = _defer(transaction, owner, result)
        else:
            kept = _remove(transaction, "id = ? AND lease = ?", (entry.row, owner), 1 if result.notice else 0)
        if not kept:
            continue
        if result.notice:
            tell(transaction, entry.message, [result.notice])
        trace.add(
            transaction,
            "remote" if result.outcome != "delivered" else "local",
            result.outcome,
            message=entry.message,
            recipient=entry.recipient,
            detail={
                key: value
                for key, value in (
                    ("status", result.status),
                    ("reply", result.reply),
                    ("mta", result.mta),
                    ("attempt", entry.attempts + 1),
                    *((result.detail or {}).items()),
                )
                if value
            },
        )
        transaction.count(result.outcome if result.outcome != "failed" else "bounced")


def _defer(transaction: Transaction, owner: str, result: Result) -> bool:
    entry = result.entry
    before = transaction.value("SELECT state FROM queue WHERE id = ? AND lease = ?", (entry.row, owner))
    if before is None:
        return False
    transaction.execute(
        "UPDATE queue SET state = 'deferred', due = ?, lease = NULL, attempts = attempts + 1, error = ?,"
        " delayed = ? WHERE id = ?",
        (result.due, result.reply, int(entry.delayed or result.notice is not None), entry.row),
    )
    transaction.execute(
        "UPDATE destinations SET deferred = deferred + ?, due = CASE WHEN due < ? THEN due ELSE ? END WHERE domain = ?",
        (int(before != "deferred"), result.due, result.due, entry.domain),
    )
    if result.notice:
        transaction.execute("UPDATE messages SET refs = refs + 1 WHERE id = ?", (entry.message,))
    return True


def _remove(transaction: Transaction, where: str, parameters: tuple[Any, ...], keep: int = 0) -> bool:
    """Delete the one entry that `where` names; `keep` references of its message stay (for a notice)."""
    row = transaction.row(f"DELETE FROM queue WHERE {where} RETURNING message, domain, state", parameters)  # noqa: S608
    if row is None:
        return False
    message, domain, state = row
    total = transaction.value(
        "UPDATE destinations SET total = total - 1, deferred = deferred - ?, held = held - ? WHERE domain = ?"
        " RETURNING total",
        (int(state == "deferred"), int(state == "held"), domain),
    )
    if total is not None and total <= 0:
        transaction.execute("DELETE FROM destinations WHERE domain = ?", (domain,))
    if not keep:
        messages.release(transaction, message)
    return True


def _refresh_due(transaction: Transaction, domain: str) -> None:
    transaction.execute(
        "UPDATE destinations SET due = coalesce((SELECT min(due) FROM queue WHERE domain = ?), ?) WHERE domain = ?",
        (domain, HELD, domain),
    )


def _each(transaction: Transaction, sql: str, parameters: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Run a statement with RETURNING for each of many parameters; the rows together."""
    rows: list[tuple[Any, ...]] = []
    for some in parameters:
        rows += transaction.execute(sql, some).fetchall()
    return rows


# -- people


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries. Every field that is set must match; `*` in an address stands for anything."""

    state: str | None = None
    domain: str | None = None
    sender: str | None = None
    recipient: str | None = None
    message: int | None = None
    error: str | None = None  # a part of the last error
    older_than: float | None = None  # received before, seconds since 1970
    newer_than: float | None = None

    @property
    def empty(self) -> bool:
        """Whether no field is set. An empty filter is never taken to mean everything."""
        return self == Filter()


SORTS = {  # name -> (columns that an index holds, descending ones said so)
    "age": "id",
    "-age": "id DESC",
    "due": "due",
    "-due": "due DESC",
    "domain": "domain, id",
    "-domain": "domain DESC, id DESC",
}


def find(reader: Reader, where: Filter, sort: str = "age", most: int = 500, skip: int = 0) -> list[Entry]:
    """A page of the queue."""
    condition, parameters = _condition(where)
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM queue WHERE {condition} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?",  # noqa: S608
        (*parameters, most, skip),
    )
    return [_entry(row) for row in rows]


def number(reader: Reader, where: Filter, most: int = 100_000) -> int:
    """How many entries match, counted up to `most`."""
    if where.empty:
        return min(totals(reader)["total"], most)
    condition, parameters = _condition(where)
    found: int = reader.value(
        f"SELECT count(*) FROM (SELECT 1 FROM queue WHERE {condition} LIMIT ?)",  # noqa: S608
        (*parameters, most),
    )
    return found


def rows_of(reader: Reader, where: Filter, after: int = 0, most: int = 1_000) -> list[int]:
    """Row numbers that match, past `after`: how bulk work walks the queue in pieces."""
    condition, parameters = _condition(where)
    return [row[0] for row in reader.execute(
        f"SELECT id FROM queue WHERE {condition} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
        (*parameters, after, most),
    )]  # fmt: skip


def entries(reader: Reader, identities: Sequence[str]) -> list[Entry]:
    """The entries that ids name: `MESSAGE` all of a message, `MESSAGE-2` its second. Unknown ids give nothing."""
    found: list[Entry] = []
    for identity in identities:
        word, _, ordinal = identity.partition("-")
        message = ids.parse(word)
        if message is None or (ordinal and not (ordinal.isdecimal() and len(ordinal) < 10)):
            continue
        sql = f"SELECT {_COLUMNS} FROM queue WHERE message = ?" + (" AND ordinal = ?" if ordinal else "")  # noqa: S608
        rows = reader.rows(sql + " ORDER BY ordinal", (message, int(ordinal)) if ordinal else (message,))
        found += map(_entry, rows)
    return found


def names(reader: Reader, rows: Sequence[int]) -> dict[int, str]:
    """The ids that people use, by row number; rows that are gone are left out."""
    found = {}
    for row in rows:
        named = reader.row("SELECT message, ordinal FROM queue WHERE id = ?", (row,))
        if named is not None:
            found[row] = f"{ids.text(named[0])}-{named[1]}"
    return found


def hold(transaction: Transaction, rows: Sequence[int]) -> list[int]:
    """Stop delivery of entries; those being delivered now are left alone. Answers the rows that changed."""
    return _steer(
        transaction,
        rows,
        "held",
        f"state = 'held', due = {HELD:.0f}, lease = NULL",
        "state <> 'held' AND (lease IS NULL OR due <= ?)",
    )


def release(transaction: Transaction, rows: Sequence[int]) -> list[int]:
    """Let held entries go on, due at once. Answers the rows that changed."""
    changes = "state = CASE WHEN attempts > 0 THEN 'deferred' ELSE 'new' END, due = 0"
    return _steer(transaction, rows, "released", changes, "state = 'held' AND due >= ?")


def retry(transaction: Transaction, rows: Sequence[int]) -> list[int]:
    """Make entries due now; held ones stay held, and those being delivered now are left alone."""
    return _steer(
        transaction,
        rows,
        "retried",
        "due = 0, lease = NULL",
        "state <> 'held' AND (lease IS NULL OR due <= ?)",
    )


def delete(
    transaction: Transaction, rows: Sequence[int], notice: str | None = None, kept: list[dict[str, Any]] | None = None
) -> list[int]:
    """Remove entries, but for those being delivered now; with `notice`, their senders are told it (never <>). `kept`:
    gets the rows, whose messages then stay counted, so that they can be put back.
    """
    gone: list[int] = []
    for row in rows:
        found = transaction.row(
            f"SELECT {_COLUMNS} FROM queue WHERE id = ? AND (lease IS NULL OR due <= ?)",  # noqa: S608
            (row, transaction.now),
        )
        if found is None:
            continue
        entry = _entry(found)
        tells = notice is not None and entry.sender != "" and entry.notify != "NEVER"
        if kept is not None:
            kept.append(_whole(transaction, row))
        _remove(transaction, "id = ?", (row,), int(tells or kept is not None))
        if tells and kept is not None:  # two who hold on to the message, where there was one
            transaction.execute("UPDATE messages SET refs = refs + 1 WHERE id = ?", (entry.message,))
        if tells:
            tell(
                transaction,
                entry.message,
                [Notice(entry.recipient, "failed", "5.7.0", notice or "", orcpt=entry.orcpt)],
            )
        trace.add(transaction, "queue", "deleted", message=entry.message, recipient=entry.recipient)
        gone.append(row)
    return gone


def _whole(reader: Reader, row: int) -> dict[str, Any]:
    """A row with all its columns by name."""
    cursor = reader.execute("SELECT * FROM queue WHERE id = ?", (row,))
    names = [column[0] for column in cursor.description]
    return dict(zip(names, cursor.fetchone(), strict=True))


def _steer(transaction: Transaction, rows: Sequence[int], verdict: str, changes: str, allowed: str) -> list[int]:
    changed: list[int] = []
    domains: set[str] = set()
    for row in rows:
        before = transaction.row(
            f"SELECT message, recipient, domain, state, attempts FROM queue WHERE id = ? AND {allowed}",  # noqa: S608
            (row, transaction.now),
        )
        if before is None:
            continue
        message, recipient, domain, state, attempts = before
        transaction.execute(f"UPDATE queue SET {changes} WHERE id = ?", (row,))  # noqa: S608
        after = {"held": "held", "released": "deferred" if attempts else "new"}.get(verdict, state)
        transaction.execute(
            "UPDATE destinations SET deferred = deferred + ?, held = held + ? WHERE domain = ?",
            ((after == "deferred") - (state == "deferred"), (after == "held") - (state == "held"), domain),
        )
        trace.add(transaction, "queue", verdict, message=message, recipient=recipient)
        domains.add(domain)
        changed.append(row)
    for domain in domains:
        _refresh_due(transaction, domain)
    return changed


# -- figures


@dataclass(frozen=True, slots=True)
class Destination:
    """One domain's share of the queue."""

    domain: str
    total: int
    deferred: int
    held: int
    due: float  # not before this time; HELD when nothing of it waits


def destinations(reader: Reader, most: int = 20) -> list[Destination]:
    """The domains with the most entries."""
    rows = reader.rows(
        "SELECT domain, total, deferred, held, due FROM destinations ORDER BY total DESC LIMIT ?", (most,)
    )
    return [Destination(*row) for row in rows]


def totals(reader: Reader) -> dict[str, int]:
    """Entries by state, and `total`."""
    total, deferred, held = reader.row(
        "SELECT coalesce(sum(total), 0), coalesce(sum(deferred), 0), coalesce(sum(held), 0) FROM destinations"
    ) or (0, 0, 0)
    active_new, active_deferred = reader.row(
        "SELECT coalesce(sum(state = 'new'), 0), coalesce(sum(state = 'deferred'), 0) FROM queue"
        " WHERE lease IS NOT NULL"
    ) or (0, 0)
    return {
        "new": total - deferred - held - active_new,
        "active": active_new + active_deferred,
        "deferred": deferred - active_deferred,
        "held": held,
        "total": total,
    }


def oldest(reader: Reader) -> float | None:
    """When the oldest entry was received; None when the queue is empty."""
    found: float | None = reader.value("SELECT received FROM queue ORDER BY id LIMIT 1")
    return found


def _condition(where: Filter) -> tuple[str, list[Any]]:
    parts: list[str] = []
    parameters: list[Any] = []

    def add(sql: str, *values: Any) -> None:
        parts.append(sql)
        parameters.extend(values)

    match where.state:
        case None:
            pass
        case "active":
            add("lease IS NOT NULL")
        case "held" | "deferred" | "new" as state:
            add(f"state = '{state}'" + ("" if state == "held" else " AND lease IS NULL"))
    for column, wanted in (
        ("domain", where.domain),
        ("sender", where.sender),
        ("recipient", where.recipient),
    ):
        if wanted is None:
            continue
        if "*" in wanted:
            add(f"{column} LIKE ? ESCAPE '\\'", _like(wanted))
        else:
            add(f"{column} = ?", wanted)
    if where.recipient and "@" in where.recipient and "*" not in where.recipient and where.domain is None:
        add("domain = ?", where.recipient.rpartition("@")[2])  # the index on domain does the work
    if where.message is not None:
        add("message = ?", where.message)
    if where.error is not None:
        add("error LIKE ? ESCAPE '\\'", _like(f"*{where.error}*"))
    if where.older_than is not None:
        add("received < ?", where.older_than)
    if where.newer_than is not None:
        add("received >= ?", where.newer_than)
    return " AND ".join(parts) or "1 = 1", parameters


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
