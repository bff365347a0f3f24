"""Who has written before (RFC 6647): network, sender and recipient, with when first, when last and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from backend.store.database import Reader, Transaction


class Triplet(NamedTuple):
    """Who writes to whom from where. `sender` is empty for <>; addresses are in lower case."""

    network: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds, but for `passes`: triplets of one network that came back, until all of the network passes."""

    delay: float
    retry: float
    keep: float
    passes: int


def wait(reader: Reader, who: Triplet, rules: Rules, now: float) -> float:
    """The seconds after which this mail is taken; 0: now."""
    row = reader.row("SELECT first, last, passed FROM greylist WHERE network = ? AND sender = ? AND recipient = ?", who)
    if row is not None:
        first, last, passed = row
        if passed and now - last <= rules.keep:
            return 0.0
        if not passed and now - first <= rules.retry:
            return max(0.0, float(first) + rules.delay - now)
    known = reader.value(
        "SELECT count(*) FROM (SELECT 1 FROM greylist WHERE network = ? AND passed > 0 AND last >= ? LIMIT ?)",
        (who.network, now - rules.keep, rules.passes),
    )
    return 0.0 if known >= rules.passes else rules.delay


def seen(transaction: Transaction, who: Triplet, rules: Rules, now: float, *, passes: bool) -> None:
    """Keep that it came; one that comes back too late begins anew."""
    row = transaction.row("SELECT first, passed FROM greylist WHERE network = ? AND sender = ? AND recipient = ?", who)
    first = now if row is None or (not row[1] and now - row[0] > rules.retry) else row[0]
    transaction.execute(
        "INSERT INTO greylist (network, sender, recipient, first, last, passed) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (network, sender, recipient) DO UPDATE SET first = excluded.first, last = excluded.last,"
        " passed = greylist.passed + excluded.passed",
        (*who, first, now, int(passes)),
    )


def forget(transaction: Transaction, retry_before: float, keep_before: float, most: int) -> int:
    """Delete who did not come back, and who has not written for long; how many that were, at most `most` of each."""
    gone = 0
    for condition, before in (("passed = 0 AND last < ?", retry_before), ("last < ?", keep_before)):
        gone += transaction.execute(
            "DELETE FROM greylist WHERE (network, sender, recipient) IN"  # noqa: S608
            f" (SELECT network, sender, recipient FROM greylist WHERE {condition} LIMIT ?)",
            (before, most),
        ).rowcount
    return gone
