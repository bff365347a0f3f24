"""Mailboxes, with what IMAP needs from the first message on: UID, UIDVALIDITY, MODSEQ, flags, internal date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backend.store import bodies
from backend.store.bodies import Body
from backend.store.database import Reader, Transaction

if TYPE_CHECKING:
    from backend.store.messages import Message

INBOX = "INBOX"
JUNK = "Junk"  # what is marked as spam; \Junk to IMAP (RFC 6154 §2)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox of an account (RFC 9051 §2.3.1). `modseq` is the highest in use (RFC 7162)."""

    id: int
    name: str
    uidvalidity: int
    uidnext: int
    modseq: int
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in a mailbox. Its bytes are `prefix` and then the body of `message`; `size` counts both."""

    uid: int
    message: int
    modseq: int
    flags: str  # separated by spaces
    internal_date: float
    size: int
    prefix: bytes


def create(transaction: Transaction, account: int, name: str) -> int:
    """A new mailbox; answers its id. UIDVALIDITY is the time, and so grows when a name is used again."""
    identity: int = transaction.value(
        "INSERT INTO mailboxes (account, name, uidvalidity, uidnext, modseq, messages, bytes)"
        " VALUES (?, ?, ?, 1, 1, 0, 0) RETURNING id",
        (account, name, int(transaction.now)),
    )
    return identity


def deliver(transaction: Transaction, mailbox: int, address: str, message: Message) -> bool:
    """Put a copy into a mailbox; False when the mailbox is gone. The caller counts the reference.

    Return-Path is what final delivery adds (RFC 5321 §4.4); Delivered-To is how a loop through us is found.
    """
    head = f"Return-Path: <{message.sender}>\r\nDelivered-To: {address}\r\n".encode()
    size = len(head) + message.body.size
    row = transaction.row(
        "UPDATE mailboxes SET uidnext = uidnext + 1, modseq = modseq + 1, messages = messages + 1, bytes = bytes + ?"
        " WHERE id = ? RETURNING uidnext - 1, modseq",
        (size, mailbox),
    )
    if row is None:
        return False
    transaction.execute(
        "INSERT INTO mail (mailbox, uid, message, modseq, flags, internal_date, size, prefix)"
        " VALUES (?, ?, ?, ?, '', ?, ?, ?)",
        (mailbox, row[0], message.id, row[1], message.received or transaction.now, size, head),
    )
    return True


def for_spam(transaction: Transaction, inbox: int, default: bool) -> int:
    """Where mail that is marked as spam goes in place of this INBOX: the Junk of an owner who wants that, made when it
    is missing; else the INBOX. `default`: for who has not said.
    """
    owner = transaction.row(
        "SELECT accounts.id, accounts.junk, junk.id FROM mailboxes JOIN accounts ON accounts.id = mailboxes.account"
        " LEFT JOIN mailboxes AS junk ON junk.account = accounts.id AND junk.name = ? WHERE mailboxes.id = ?",
        (JUNK, inbox),
    )
    if owner is None:
        return inbox
    account, wanted, junk = owner
    if not (default if wanted is None else wanted):
        return inbox
    return create(transaction, account, JUNK) if junk is None else int(junk)


def mailboxes_of(reader: Reader, account: int) -> list[Mailbox]:
    """All mailboxes of an account, by name."""
    rows = reader.rows(
        "SELECT id, name, uidvalidity, uidnext, modseq, messages, bytes FROM mailboxes WHERE account = ? ORDER BY name",
        (account,),
    )
    return [Mailbox(*row) for row in rows]


def mail_of(reader: Reader, mailbox: int, after_uid: int = 0, most: int = 1_000) -> list[Mail]:
    """The next `most` messages of a mailbox past `after_uid`, by UID."""
    rows = reader.rows(
        "SELECT uid, message, modseq, flags, internal_date, size, prefix FROM mail"
        " WHERE mailbox = ? AND uid > ? ORDER BY uid LIMIT ?",
        (mailbox, after_uid, most),
    )
    return [Mail(*row) for row in rows]


def bodies_of(
    reader: Reader, folder: Path, mailbox: int, after_uid: int, most: int = 50
) -> Iterator[tuple[Mail, Body]]:
    """The same with the bytes: each body already stands under its prefix."""
    for mail in mail_of(reader, mailbox, after_uid, most):
        body = bodies.load(reader, folder, mail.message)
        if body is not None:
            yield mail, body.under(mail.prefix)
