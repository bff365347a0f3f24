"""Messages: accepted in one transaction, counted by those who point to them, freed with the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.store import bodies, mailboxes, queue, trace, vacations
from backend.store.bodies import Body
from backend.store.database import Reader, Transaction
from backend.store.notices import Notice, tell

_NAMED = 20  # addresses behind an alias, in its event
# What a message asks of the connections it goes over (RFC 8689): REQUIRETLS, or the field TLS-Required: No.
TLS_REQUIRED, TLS_OPTIONAL = "required", "optional"
_ORCPT = "rfc822;"  # what an original recipient begins with (RFC 3461 §4.2)


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its envelope. `sender` is the reverse-path without brackets, empty for <>."""

    id: int
    sender: str
    body: Body
    received: float = 0.0  # seconds since 1970; 0: the time of the commit
    account: str | None = None  # who submitted it, when somebody logged in
    peer: str | None = None  # network address it came from
    session: str | None = None
    message_id: str | None = None  # of the header, with its brackets
    envid: str | None = None  # RFC 3461 §4.4, as it came (xtext)
    ret: str | None = None  # FULL or HDRS, RFC 3461 §4.3
    smtputf8: bool = False
    tls: str | None = None  # TLS_REQUIRED, TLS_OPTIONAL, or nothing of the kind
    junk: bool | None = None  # marked as spam: whether it goes to Junk of who has not said; None: not marked
    detail: dict[str, Any] = field(default_factory=dict)  # for the trace: protocol, TLS, HELO ...


@dataclass(frozen=True, slots=True)
class Local:
    """One copy for a mailbox of ours. `address` is the account's, for Delivered-To."""

    mailbox: int
    address: str
    recipient: str  # the forward-path it came for


@dataclass(frozen=True, slots=True)
class Remote:
    """One recipient elsewhere. `notify` and `orcpt` as in RFC 3461 §4.1 and §4.2; `leaves_as`: with another sender."""

    recipient: str
    domain: str
    notify: str | None = None
    orcpt: str | None = None
    leaves_as: str | None = None


def accept(
    transaction: Transaction,
    message: Message,
    local: Sequence[Local] = (),
    remote: Sequence[Remote] = (),
    notices: Sequence[Notice] = (),
) -> None:
    """Take a message: its body once, a row in each mailbox, a queue entry for each remote recipient.

    A mailbox that was deleted since the recipient was accepted becomes a queue entry, which then bounces.
    """
    body = message.body
    identity = message.id
    bodies.place(transaction, body)
    delivered, junked = _deliver(transaction, message, local)
    if len(delivered) < len(local):
        lost = [copy for copy in local if copy not in delivered]
        remote = [*remote, *(Remote(copy.address, copy.address.rpartition("@")[2]) for copy in lost)]
    awaited = _await(transaction, message, delivered, junked)
    _insert(transaction, message, len(delivered) + len(remote) + len(notices) + awaited)
    trace.add(
        transaction,
        "accept",
        "accepted",
        message=identity,
        session=message.session,
        peer=message.peer,
        sender=message.sender,
        message_id=message.message_id,
        detail={"size": body.size, "recipients": len(delivered) + len(remote), **message.detail},
    )
    _note_aliases(transaction, identity, delivered, remote)
    if delivered:
        _note_delivered(transaction, identity, delivered, junked)
        transaction.count("delivered", len(delivered))
    if remote:
        queue.enqueue(transaction, message, remote)
    if notices:
        tell(transaction, identity, notices)
    transaction.count("accepted")


def _deliver(
    transaction: Transaction, message: Message, local: Sequence[Local]
) -> tuple[list[Local], frozenset[Local]]:
    """Put the copies into their mailboxes; those whose mailbox was there, and which of them went to Junk."""
    if message.junk is None:
        found = [copy for copy in local if mailboxes.deliver(transaction, copy.mailbox, copy.address, message)]
        return found, frozenset()
    found, junked = [], set[Local]()
    for copy in local:
        place = mailboxes.for_spam(transaction, copy.mailbox, message.junk)
        if mailboxes.deliver(transaction, place, copy.address, message):
            found.append(copy)
            if place != copy.mailbox:
                junked.add(copy)
    return found, frozenset(junked)


def _await(transaction: Transaction, message: Message, delivered: Sequence[Local], junked: frozenset[Local]) -> int:
    """Those whose owners may be away; what is in Junk is answered by nobody (RFC 3834 §2)."""
    if not message.sender:
        return 0
    return vacations.note(transaction, message.id, [copy.mailbox for copy in delivered if copy not in junked])


def _note_delivered(
    transaction: Transaction, message: int, delivered: Sequence[Local], junked: frozenset[Local] = frozenset()
) -> None:
    """An event for each copy in a mailbox."""
    junk = {"mailbox": mailboxes.JUNK}
    copies = [(copy.address, junk if copy in junked else None) for copy in delivered]
    trace.add_many(transaction, "local", "delivered", message, copies)


def keep(transaction: Transaction, message: Message, refs: int) -> None:
    """Take a message that goes nowhere yet; `refs` places of its caller's point to it."""
    bodies.place(transaction, message.body)
    _insert(transaction, message, refs)


def _insert(transaction: Transaction, message: Message, refs: int) -> None:
    body = message.body
    transaction.execute(
        "INSERT INTO messages (id, received, sender, account, peer, message_id, envid, ret, smtputf8, tls, size, refs,"
        " digest, skip, head, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.id,
            message.received or transaction.now,
            message.sender,
            message.account,
            message.peer,
            message.message_id,
            message.envid,
            message.ret,
            1 if message.smtputf8 else 0,
            message.tls,
            body.size,
            refs,
            body.digest,
            body.skip,
            body.head or None,
            body.data,
        ),
    )


def _note_aliases(transaction: Transaction, message: int, delivered: Sequence[Local], remote: Sequence[Remote]) -> None:
    """An event for each address that leads to others: who looks for it finds its mail."""
    names: dict[str, list[str]] = {}
    leaves: dict[str, dict[str, str]] = {}
    for copy in delivered:
        if copy.recipient != copy.address:
            names.setdefault(copy.recipient, []).append(copy.address)
    for to in remote:
        original = (to.orcpt or "").removeprefix(_ORCPT)
        if original and original != to.recipient and to.orcpt != original:
            names.setdefault(original, []).append(to.recipient)
            if to.leaves_as:
                leaves[original] = {"as": to.leaves_as}
    if names:
        some = [(name, {"to": to[:_NAMED], **leaves.get(name, {})}) for name, to in names.items()]
        trace.add_many(transaction, "alias", "expanded", message, some)


def spread(
    transaction: Transaction,
    message: Message,
    local: Sequence[Local],
    remote: Sequence[Remote],
    *,
    told: bool = False,
) -> int:
    """Further copies and entries of a message that is here already; answers how many. Its caller still holds a
    reference, so that the message is there. `told`: the trace hears of the copies, for the caller does not tell it.
    """
    delivered, junked = _deliver(transaction, message, local)
    awaited = _await(transaction, message, delivered, junked)
    if told and delivered:
        _note_delivered(transaction, message.id, delivered, junked)
    number = len(delivered) + len(remote)
    if remote:
        last = transaction.value("SELECT max(ordinal) FROM queue WHERE message = ?", (message.id,)) or 0
        queue.enqueue(transaction, message, remote, last + 1)
    transaction.execute("UPDATE messages SET refs = refs + ? WHERE id = ?", (number + awaited, message.id))
    return number


def release(transaction: Transaction, message: int, number: int = 1) -> None:
    """`number` references less; the last one frees the message and its file."""
    row = transaction.row("UPDATE messages SET refs = refs - ? WHERE id = ? RETURNING refs, digest", (number, message))
    if row is None or row[0] > 0:
        return
    transaction.execute("DELETE FROM messages WHERE id = ?", (message,))
    if row[1] is not None:
        bodies.free(transaction, row[1])


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a stored message beside its body."""

    id: int
    received: float
    sender: str
    account: str | None
    peer: str | None
    message_id: str | None
    envid: str | None
    ret: str | None
    smtputf8: bool
    tls: str | None
    size: int


def envelope(reader: Reader, message: int) -> Envelope | None:
    """The envelope of a message, None when it is gone."""
    row = reader.row(
        "SELECT id, received, sender, account, peer, message_id, envid, ret, smtputf8, tls, size"
        " FROM messages WHERE id = ?",
        (message,),
    )
    if row is None:
        return None
    identity, received, sender, account, peer, message_id, envid, ret, smtputf8, tls, size = row
    return Envelope(identity, received, sender, account, peer, message_id, envid, ret, bool(smtputf8), tls, size)
