"""Entries whose domain is ours after all: the address moved here, or its mailbox went between RCPT and the commit."""

from __future__ import annotations

from backend.accounts.directory import Directory
from backend.delivery import retry
from backend.errors import MailError
from backend.store import messages, queue
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Envelope, Local, Message, Remote
from backend.store.queue import Entry, Result


async def deliver(store: Store, directory: Directory, owner: str, envelope: Envelope, entry: Entry) -> None:
    """Into the mailboxes that the address leads to, or back: in one transaction with the end of the entry."""
    try:
        resolution = await directory.resolve(entry.recipient)
    except MailError:
        resolution = None
    if resolution is None:
        result = retry.failed(entry, "5.1.1", f"There is no {entry.recipient} here")
        await store.commit(lambda transaction: queue.finish(transaction, owner, [result]))
        return
    found = resolution
    message = Message(
        id=envelope.id,
        sender=envelope.sender,
        body=Body(size=envelope.size),
        received=envelope.received,
    )
    local = [Local(mailbox, address, entry.recipient) for mailbox, address in found.local]
    remote = [Remote(to, to.rpartition("@")[2], entry.notify, entry.orcpt) for to in found.remote]

    def move(transaction: Transaction) -> None:
        messages.spread(transaction, message, local, remote)
        transaction.count("delivered", len(local) - 1)  # `finish` counts one
        queue.finish(transaction, owner, [Result(entry, "delivered", reply="delivered to the mailbox")])

    await store.commit(move)
