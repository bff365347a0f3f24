"""What is known of each DNS list: whether it is well, how often it was asked and had somebody; and our own addresses
that a black list has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from backend import ids
from backend.store import trace
from backend.store.database import Reader, Transaction

State = Literal["well", "off"]
SILENT = "it does not answer"  # the trouble of a list that says nothing
_COLUMNS = "zone, state, words, since, tested, listed, unlisted, asked, hits, last_hit, errors, error, last_error"


@dataclass(frozen=True, slots=True)
class Known:
    """One list. Times in seconds since 1970."""

    zone: str
    state: State = "well"
    words: str = ""  # why it is off
    since: float | None = None
    tested: float | None = None
    listed: str | None = None  # what the test point that must be listed answered
    unlisted: str | None = None  # and the one that must not
    asked: int = 0
    hits: int = 0
    last_hit: float | None = None
    errors: int = 0
    error: str | None = None
    last_error: float | None = None


@dataclass(frozen=True, slots=True)
class OwnListing:
    """An address of ours on a black list."""

    zone: str
    address: str
    words: str
    since: float
    seen: float


@dataclass(slots=True)
class Count:
    """What one worker has counted of a list since it last said so. It is counted on."""

    asked: int = 0
    hits: int = 0
    errors: int = 0
    error: str = ""


def everything(reader: Reader) -> dict[str, Known]:
    """By zone; also of lists that are no longer in the settings."""
    return {row[0]: Known(*row) for row in reader.rows(f"SELECT {_COLUMNS} FROM dnslists")}  # noqa: S608


def off(reader: Reader) -> frozenset[str]:
    """The zones that are not to be asked."""
    return frozenset(row[0] for row in reader.execute("SELECT zone FROM dnslists WHERE state = 'off'"))


def tested(transaction: Transaction, zone: str, trouble: str, listed: str, unlisted: str) -> bool:
    """What a test found: the list is off while there is `trouble`. Whether that is a change, which is an event too."""
    before = transaction.row("SELECT state FROM dnslists WHERE zone = ?", (zone,))
    state = "off" if trouble else "well"
    changed = (before[0] if before else "well") != state
    transaction.execute(
        "INSERT INTO dnslists (zone, state, words, since, tested, listed, unlisted, asked, hits, errors)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0) ON CONFLICT (zone) DO UPDATE SET since ="
        " CASE WHEN dnslists.state = excluded.state THEN dnslists.since ELSE excluded.since END, state ="
        " excluded.state, words = excluded.words, tested = excluded.tested, listed = excluded.listed, unlisted ="
        " excluded.unlisted",
        (zone, state, trouble, transaction.now, transaction.now, listed, unlisted),
    )
    if changed and trouble:
        detail = {"zone": zone, "reason": trouble}
        trace.add(transaction, "dnslist", "off", session=_story(), detail=detail)
    elif changed:
        trace.add(transaction, "dnslist", "on", session=_story(), detail={"zone": zone})
    return changed


def _story() -> str:
    """A story of its own, so that the event can be found."""
    return ids.text(ids.new())


def count(transaction: Transaction, counts: Iterable[tuple[str, Count]]) -> None:
    """Add what a worker has counted."""
    now = transaction.now
    for zone, one in counts:
        transaction.execute(
            "INSERT INTO dnslists (zone, state, words, asked, hits, last_hit, errors, error, last_error)"
            " VALUES (?, 'well', '', ?, ?, ?, ?, ?, ?) ON CONFLICT (zone) DO UPDATE SET"
            " asked = dnslists.asked + excluded.asked, hits = dnslists.hits + excluded.hits,"
            " last_hit = coalesce(excluded.last_hit, dnslists.last_hit), errors = dnslists.errors + excluded.errors,"
            " error = coalesce(excluded.error, dnslists.error),"
            " last_error = coalesce(excluded.last_error, dnslists.last_error)",
            (
                zone,
                one.asked,
                one.hits,
                now if one.hits else None,
                one.errors,
                one.error or None,
                now if one.errors else None,
            ),
        )


def own_listings(reader: Reader) -> list[OwnListing]:
    """Our addresses that are listed now."""
    rows = reader.rows("SELECT zone, address, words, since, seen FROM own_listings ORDER BY address, zone")
    return [OwnListing(*row) for row in rows]


def set_own_listings(
    transaction: Transaction, found: dict[tuple[str, str], str], asked: Iterable[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """What the lists say of us: (zone, address) -> words. Of `asked`, what is not in `found` is listed no more;
    what was not asked stays as it was. Answers (zone, address, words) of each change, which is an event too; without
    words it is listed no more.
    """
    changed: list[tuple[str, str, str]] = []
    before = {(one.zone, one.address) for one in own_listings(transaction)}
    for zone, address in asked:
        detail = {"zone": zone, "address": address}
        if (zone, address) in found:
            words = found[zone, address]
            transaction.execute(
                "INSERT INTO own_listings (zone, address, words, since, seen) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (zone, address) DO UPDATE SET words = excluded.words, seen = excluded.seen",
                (zone, address, words, transaction.now, transaction.now),
            )
            if (zone, address) not in before:
                detail["reason"] = words
                trace.add(transaction, "dnslist", "listed", session=_story(), peer=address, detail=detail)
                changed.append((zone, address, words))
        elif (zone, address) in before:
            transaction.execute("DELETE FROM own_listings WHERE zone = ? AND address = ?", (zone, address))
            trace.add(transaction, "dnslist", "cleared", session=_story(), peer=address, detail=detail)
            changed.append((zone, address, ""))
    return changed


def forget_own_listings(transaction: Transaction, zones: Iterable[str], addresses: Iterable[str]) -> None:
    """Keep only those of these lists and addresses: others are no longer watched."""
    known, ours = set(zones), set(addresses)
    for one in own_listings(transaction):
        if one.zone not in known or one.address not in ours:
            transaction.execute("DELETE FROM own_listings WHERE zone = ? AND address = ?", (one.zone, one.address))
