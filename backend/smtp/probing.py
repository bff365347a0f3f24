"""Test files of the service's own as they come to the server: known, taken, and left out of the figures.

A probe is known by a token in its header that the store has, and by the digest of all its bytes: nothing but the very
message that was announced is taken for one, and once only. What that brings is no favour. Such a message is looked
at as a stranger's when it plays one, goes to no other host, and spares nobody but the postmaster, who is not told of it
as of a virus.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from backend.store import messages, probes, trace
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Local, Message
from backend.store.probes import Letter

if TYPE_CHECKING:
    from backend.smtp.session import MailTransaction

FIELD = "X-Mailconsole-Probe"
_NAME = FIELD.encode()
_FIELD = re.compile(rb"(?m)^" + _NAME + rb":[ \t]*([0-9a-f]{32})\r?$")
_LARGEST = 16 * 1024  # bytes; a probe has less than two thousand


async def recognise(section: bytes, body: Body, store: Store) -> Letter | None:
    """The letter of the probe that this message is; None for all other mail, at the cost of one search."""
    if _NAME not in section:
        return None
    found = _FIELD.search(section)
    if found is None or body.path is not None or body.size > _LARGEST:
        return None
    token = found[1].decode()
    if not await store.query(lambda reader: probes.known(reader, token)):
        return None
    digest = hashlib.sha256(body.start(body.size)).hexdigest()
    return await store.commit(lambda transaction: probes.recognise(transaction, token, digest))


def take(transaction: Transaction, message: Message, local: list[Local]) -> None:
    """Take a probe: into mailboxes of ours, and nowhere else."""
    if local:
        messages.accept(transaction, message, local)
        return
    messages.keep(transaction, message, 1)
    trace.add(
        transaction,
        "accept",
        "accepted",
        message=message.id,
        session=message.session,
        peer=message.peer,
        sender=message.sender,
        message_id=message.message_id,
        detail={"size": message.body.size, **message.detail},
    )


def note(
    transaction: Transaction,
    mail: MailTransaction | None,
    story: str,
    scanner: str,
    reason: str,
    message: int | None = None,
) -> None:
    """What was done with a message, when it is a probe."""
    if mail is not None and mail.probe is not None:
        probes.note(
            transaction, mail.probe, story=story, engines=mail.engines, scanner=scanner, reason=reason, message=message
        )
