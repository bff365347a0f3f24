"""Probes: test files that the service sends through itself, how the server knows them, and what became of each.

A letter of the probe is announced here before it is sent: a token that is in its header, and a digest of all its
bytes. Only that one message is ever taken for it, and only once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backend.store import messages, trace
from backend.store.database import Reader, Transaction

Direction = Literal["in", "out"]
What = Literal["eicar", "gtube"]
Outcome = Literal["found", "missed", "failed"]
NAMES = {"eicar": "EICAR", "gtube": "GTUBE"}

_FRESH = 600.0  # seconds in which an announced letter must come
_LEASE = 1_800.0  # seconds after which a run that has not ended was killed: more than all its tries take


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter of the probe that has come to the server."""

    token: str
    direction: Direction
    what: What


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server did with one. `scanner` and `reason` are empty where nothing kept it; `story`: its id in the
    trace; `message`: the number of one that was taken.
    """

    scanner: str
    reason: str
    engines: dict[str, str]
    story: str
    message: int | None


@dataclass(frozen=True, slots=True)
class Probe:
    """What one letter has shown. `off`: what should have found it is switched off, and it is nobody's alarm."""

    time: float
    direction: Direction
    what: What
    outcome: Outcome
    words: str
    off: bool = False

    @property
    def name(self) -> str:
        """As in `EICAR in`."""
        return f"{NAMES[self.what]} {self.direction}"

    @property
    def wrong(self) -> bool:
        """Whether somebody must know."""
        return self.outcome != "found" and not self.off


# -- letters


def announce(transaction: Transaction, letter: Letter, digest: str) -> None:
    """This one is about to be sent."""
    transaction.execute(
        "INSERT INTO probe_letters (token, digest, direction, what, made, mail)"
        " VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) FROM mail))",
        (letter.token, digest, letter.direction, letter.what, transaction.now),
    )


def known(reader: Reader, token: str) -> bool:
    """Whether a letter with this token was announced."""
    return reader.value("SELECT 1 FROM probe_letters WHERE token = ? AND seen IS NULL", (token,)) is not None


def recognise(transaction: Transaction, token: str, digest: str) -> Letter | None:
    """The letter with this token and this digest, the first time that it comes."""
    row = transaction.row(
        "UPDATE probe_letters SET seen = ? WHERE token = ? AND digest = ? AND seen IS NULL AND made > ?"
        " RETURNING token, direction, what",
        (transaction.now, token, digest, transaction.now - _FRESH),
    )
    return Letter(*row) if row else None


def note(
    transaction: Transaction,
    letter: Letter,
    *,
    story: str,
    engines: dict[str, str],
    scanner: str = "",
    reason: str = "",
    message: int | None = None,
) -> None:
    """What the server did with it; nothing of that operation is counted in the figures."""
    transaction.execute(
        "UPDATE probe_letters SET scanner = ?, reason = ?, engines = ?, story = ?, message = ? WHERE token = ?",
        (scanner, reason, json.dumps(engines), story, message, letter.token),
    )
    transaction.counts.clear()
    transaction.sums.clear()


def seen(reader: Reader, letter: Letter) -> Seen | None:
    """What the server did with it, None as long as it has not."""
    row = reader.row(
        "SELECT scanner, reason, engines, story, message FROM probe_letters WHERE token = ? AND story IS NOT NULL",
        (letter.token,),
    )
    return Seen(row[0], row[1], json.loads(row[2]), row[3], row[4]) if row else None


def places(reader: Reader, letter: Letter) -> list[str]:
    """The accounts in whose mailboxes it is."""
    rows = reader.rows(
        "SELECT accounts.address FROM probe_letters JOIN mail ON mail.id > probe_letters.mail"
        " AND mail.message = probe_letters.message JOIN mailboxes ON mailboxes.id = mail.mailbox"
        " JOIN accounts ON accounts.id = mailboxes.account WHERE token = ? ORDER BY accounts.address",
        (letter.token,),
    )
    return [row[0] for row in rows]


def sweep(transaction: Transaction, letter: Letter) -> None:
    """The letter is done with: out of mailboxes and the quarantine. One that the server may still have in hand is left
    to `sweep_old`.
    """
    row = transaction.row(
        "DELETE FROM probe_letters WHERE token = ? AND story IS NOT NULL RETURNING message, what, mail", (letter.token,)
    )
    if row is not None and row[0] is not None:
        _take_out(transaction, *row)


def sweep_old(transaction: Transaction) -> int:
    """The same for what has been left, as by a process that was killed; how many that were."""
    rows = transaction.rows(
        "DELETE FROM probe_letters WHERE made < ? RETURNING message, what, mail", (transaction.now - 2 * _FRESH,)
    )
    for message, what, mail in rows:
        if message is not None:
            _take_out(transaction, message, what, mail)
    return len(rows)


def _take_out(transaction: Transaction, message: int, what: str, mail: int) -> None:
    held = transaction.value("SELECT refs FROM messages WHERE id = ?", (message,))
    if held is None:
        return
    copies = transaction.rows("DELETE FROM mail WHERE id > ? AND message = ? RETURNING mailbox, size", (mail, message))
    for mailbox, size in copies:
        transaction.execute(
            "UPDATE mailboxes SET messages = messages - 1, bytes = bytes - ?, modseq = modseq + 1 WHERE id = ?",
            (size, mailbox),
        )
    kept = transaction.execute("DELETE FROM quarantine WHERE message = ?", (message,)).rowcount
    trace.add(transaction, "probe", "removed", message=message, detail={"probe": what})
    messages.release(transaction, message, len(copies) + kept or held)  # held: it was kept for the probe alone


# -- what they have shown


def add(transaction: Transaction, found: Sequence[Probe]) -> None:
    """Keep it."""
    transaction.executemany(
        "INSERT INTO probes (time, direction, what, outcome, words, off) VALUES (?, ?, ?, ?, ?, ?)",
        [(one.time, one.direction, one.what, one.outcome, one.words, int(one.off)) for one in found],
    )


def latest(reader: Reader, most: int, offset: int = 0) -> list[Probe]:
    """The newest first."""
    rows = reader.rows(
        "SELECT time, direction, what, outcome, words, off FROM probes ORDER BY time DESC, id DESC LIMIT ? OFFSET ?",
        (most, offset),
    )
    return [_read(row) for row in rows]


def standing(reader: Reader) -> list[Probe]:
    """The last one of each kind."""
    rows = reader.rows(
        "SELECT time, direction, what, outcome, words, off FROM probes"
        " WHERE id IN (SELECT max(id) FROM probes GROUP BY direction, what) ORDER BY what, direction"
    )
    return [_read(row) for row in rows]


def forget(transaction: Transaction, before: float) -> None:
    """Delete what is older, and runs whose days are over."""
    transaction.execute("DELETE FROM probes WHERE time < ?", (before,))
    transaction.execute("DELETE FROM probe_runs WHERE begun < ?", (before,))


def _read(row: Sequence[Any]) -> Probe:
    time, direction, what, outcome, words, off = row
    return Probe(time, direction, what, outcome, words, bool(off))


# -- the runs of the days


def begin(transaction: Transaction, day: int) -> bool:
    """Whether the run of that day is the caller's to do: nobody has, or whoever began it was killed."""
    return (
        transaction.execute(
            "INSERT INTO probe_runs (day, begun) VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET begun = excluded.begun"
            " WHERE ended IS NULL AND begun < ?",
            (day, transaction.now, transaction.now - _LEASE),
        ).rowcount
        == 1
    )


def end(transaction: Transaction, day: int) -> None:
    """It has come to its end."""
    transaction.execute("UPDATE probe_runs SET ended = ? WHERE day = ?", (transaction.now, day))


def waiting_since(reader: Reader) -> float | None:
    """When the first run began behind the last that came to its end; None when none did."""
    since: float | None = reader.value(
        "SELECT min(day) * 86400.0 FROM probe_runs"
        " WHERE ended IS NULL AND day > (SELECT coalesce(max(day), 0) FROM probe_runs WHERE ended IS NOT NULL)"
    )
    return since


def last(reader: Reader) -> float | None:
    """When a probe came to its end last; where none ever did, when the first began."""
    when: float | None = reader.value(
        "SELECT coalesce((SELECT max(time) FROM probes), (SELECT min(begun) FROM probe_runs))"
    )
    return when
