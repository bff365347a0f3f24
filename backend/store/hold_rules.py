"""Rules that hold mail as it enters the queue: by sender, recipient or network. The oldest rule that fits decides.

Each lies under one key by which it is looked up (a domain, an address, or none), so that many rules cost a message no
more than a few do.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.errors import BadInput
from backend.store import deletions
from backend.store.database import Reader, Transaction
from backend.store.wildcards import fits

_COLUMNS = "id, sender, recipient, peer, owner, reason, created, until, hits, last_hit"
_MOST = 10_000  # rules: more belong into the access lists
_NETWORKS = {4: (32, 24), 6: (128, 64)}  # widths that have a key of their own; rules for others are looked at each time


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. All of `sender`, `recipient` and `peer` that are set must fit; `*` in an address stands for anything,
    and `<>` is the null sender.
    """

    id: int
    sender: str | None
    recipient: str | None
    peer: str | None  # a network, as 192.0.2.0/24
    owner: str
    reason: str
    created: float
    until: float | None
    hits: int
    last_hit: float | None

    def fits(self, sender: str, peer: str | None, recipient: str) -> bool:
        """Whether it is about this mail."""
        return (
            (self.sender is None or fits(self.sender, sender))
            and (self.recipient is None or fits(self.recipient, recipient))
            and (self.peer is None or _within(peer, self.peer))
        )


def add(
    transaction: Transaction,
    *,
    sender: str | None,
    recipient: str | None,
    peer: str | None,
    owner: str,
    reason: str,
    until: float | None,
) -> Rule:
    """A new rule; BadInput when it is about nothing, or when there are too many."""
    if sender is None and recipient is None and peer is None:
        raise BadInput("A rule without sender, recipient or peer would hold all mail; say which it is about.")
    if transaction.value("SELECT count(*) FROM hold_rules") >= _MOST:
        raise BadInput(f"There are {_MOST:,} hold rules already; delete some first.")
    sender, recipient = (None if one is None else one.lower() for one in (sender, recipient))
    identity = _number(transaction)
    transaction.execute(
        "INSERT INTO hold_rules (id, key, sender, recipient, peer, owner, reason, created, until, hits)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (identity, _key(sender, recipient, peer), sender, recipient, peer, owner, reason, transaction.now, until),
    )
    return Rule(identity, sender, recipient, peer, owner, reason, transaction.now, until, 0, None)


def _number(transaction: Transaction) -> int:
    """One that no rule has had: what the trace says of a rule that was deleted must be about no other."""
    number: int = transaction.value(
        "INSERT INTO numbers (name, last) SELECT 'hold_rules', coalesce(max(id), 0) + 1 FROM hold_rules WHERE true"
        " ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last"
    )
    return number


def everything(reader: Reader) -> list[Rule]:
    """All rules in the order in which they are asked."""
    return [Rule(*row) for row in reader.rows(f"SELECT {_COLUMNS} FROM hold_rules ORDER BY id")]  # noqa: S608


def delete(transaction: Transaction, identity: int) -> deletions.Content:
    """Take a rule away; what it was. BadInput when there is none of that number."""
    rows = deletions.take(transaction, "hold_rules", "id = ?", (identity,))
    if not rows:
        raise BadInput(f"There is no hold rule {identity}; `mailconsole rule list` has them all.")
    return {"hold_rules": rows}


def holding(transaction: Transaction, sender: str, peer: str | None, recipients: Sequence[str]) -> dict[str, Rule]:
    """The rule that holds the mail to each recipient, where one does; it is counted as hit."""
    if transaction.row("SELECT 1 FROM hold_rules LIMIT 1") is None:
        return {}
    sender = sender.lower() or "<>"
    keys = {"", *_domain_keys("from", [sender]), *_domain_keys("to", recipients), *_peer_keys(peer)}
    marks = ",".join("?" * len(keys))
    rows = transaction.rows(
        f"SELECT {_COLUMNS} FROM hold_rules WHERE key IN ({marks}) AND (until IS NULL OR until > ?)"  # noqa: S608
        " ORDER BY id",
        (*keys, transaction.now),
    )
    rules = [Rule(*row) for row in rows]
    found: dict[str, Rule] = {}
    for recipient in recipients:
        rule = next((rule for rule in rules if rule.fits(sender, peer, recipient.lower())), None)
        if rule is not None:
            found[recipient] = rule
            transaction.execute(
                "UPDATE hold_rules SET hits = hits + 1, last_hit = ? WHERE id = ?", (transaction.now, rule.id)
            )
    return found


def _key(sender: str | None, recipient: str | None, peer: str | None) -> str:
    for word, pattern in (("from", sender), ("to", recipient)):
        if pattern is not None:
            domain = pattern.rpartition("@")[2]
            if "*" not in domain:
                return f"{word} {domain}"
    if peer is not None:
        network = ipaddress.ip_network(peer)
        if network.prefixlen in _NETWORKS[network.version]:
            return f"in {network}"
    return ""


def _domain_keys(word: str, addresses: Iterable[str]) -> set[str]:
    return {f"{word} {address.lower().rpartition('@')[2]}" for address in addresses}


def _peer_keys(peer: str | None) -> list[str]:
    address = _address(peer)
    if address is None:
        return []
    return [f"in {ipaddress.ip_network((address, width), strict=False)}" for width in _NETWORKS[address.version]]


def _within(peer: str | None, network: str) -> bool:
    address = _address(peer)
    return address is not None and address in ipaddress.ip_network(network)


def _address(peer: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return None if peer is None else ipaddress.ip_address(peer)
    except ValueError:  # mail that came from no network
        return None
