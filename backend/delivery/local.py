"""Entries whose domain is ours after all: the address moved here, or its mailbox went between RCPT and the commit."""

from __future__ import annotations

import time

from backend.accounts.directory import Directory
from backend.address import parse
from backend.config import Delivery
from backend.delivery import retry
from backend.errors import BadInput, Permanent
from backend.store import messages, queue
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Local, Message, Remote
from backend.store.notices import Notice
from backend.store.queue import Entry, Result


async def deliver(store: Store, directory: Directory, owner: str, entry: Entry, settings: Delivery) -> Result | None:
    """Into the mailboxes that the address leads to, in one transaction with the end of the entry.

    The result that is still to be written down when it leads nowhere; Temporary when the store cannot take it now.
    """
    try:
        resolution = await directory.resolve(entry.recipient)
    except (BadInput, Permanent):
        resolution = None
    if resolution is None or not (resolution.local or resolution.remote):
        return retry.failed(entry, "5.1.1", f"There is no {entry.recipient} here")
    local = [Local(mailbox, address, entry.recipient) for mailbox, address in resolution.local]
    sender = await _leaves_as(directory, entry) if resolution.remote else None
    remote = [Remote(to, to.rpartition("@")[2], entry.notify, entry.orcpt, sender) for to in resolution.remote]
    message = Message(entry.message, entry.sender, Body(size=entry.size), entry.received, tls=entry.tls)

    reply = "Delivered to the mailbox" if local else "Forwarded"
    notice = None
    if local and entry.notify is not None and retry.wants(entry, "SUCCESS"):
        notice = Notice(entry.recipient, "delivered", "2.1.5", reply, orcpt=entry.orcpt)

    def move(transaction: Transaction) -> bool:
        if not messages.spread(transaction, message, local, remote):
            return False
        queue.finish(transaction, owner, [Result(entry, "delivered", "2.1.5", reply, notice=notice)])
        return True

    if await store.commit(move):
        return None
    return retry.deferred(entry, "4.3.0", "The mailbox has just gone", settings, time.time())


async def _leaves_as(directory: Directory, entry: Entry) -> str | None:
    """The sender that it goes on with to another host."""
    try:
        sender = parse(entry.sender) if entry.sender else None
    except BadInput:  # <postmaster> has no domain and is ours
        return entry.leaves_as
    return entry.leaves_as or await directory.leaves_as(sender)
