"""Sends what senders are to be told: from <>, never for <>, in one transaction with the end of the notice."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path

from backend import ids, logs
from backend.accounts.directory import Directory
from backend.address import Address, parse
from backend.config import Settings
from backend.delivery import dsn
from backend.delivery.dsn import Original
from backend.errors import BadInput, MailError, Temporary
from backend.policy.dkim import outgoing
from backend.policy.dkim.keyring import Keyring
from backend.smtp.header import section
from backend.store import bodies, messages, notices, trace
from backend.store.bodies import Body
from backend.store.database import Reader, Store, Transaction
from backend.store.messages import Envelope, Local, Message, Remote
from backend.store.notices import Due

_log = logging.getLogger("delivery")
_LOOK = 30.0  # seconds between looks when nobody says that there is something
_GATHER = 0.2  # seconds in which notices of one message come together
_PAUSE = 1.0  # seconds before a store that takes nothing is asked again
_FULL_BYTES = 50_000  # of a message that goes back whole; of a larger one the header section
_HEADER_BYTES = 20_000  # of a header section that goes back


class Notifier:
    """`told` is set when there is something to tell; `wake` starts the delivery of what was written."""

    def __init__(self, settings: Settings, store: Store, told: asyncio.Event, wake: asyncio.Event) -> None:
        self._store = store
        self._told = told
        self._wake = wake
        self._keyring = Keyring(store)
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._directory = Directory(self._store, settings)

    async def run(self) -> None:
        """For ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._told.wait()
            self._told.clear()
            await asyncio.sleep(_GATHER)
            try:
                await self.tell_all()
            except MailError as error:
                _log.error("notices wait: %s", error)
                await asyncio.sleep(_PAUSE)
                self._told.set()

    async def tell_all(self) -> None:
        """Tell everything that is to be told. Temporary when the store cannot take it now."""
        while found := await self._store.query(notices.due):
            for due in found:
                try:
                    await self._tell(due)
                except MailError:
                    raise
                except Exception:
                    _log.exception("a notice could not be written", extra=logs.fields(message=ids.text(due.message)))
                    await self._drop(due, "it could not be written")

    async def _recipients(self, sender: str) -> tuple[list[Local], list[Remote]]:
        """Where a report goes: mailboxes of ours, addresses elsewhere, or nowhere."""
        try:
            address = parse(sender)
        except BadInput:  # <postmaster> has no domain and is ours
            address = Address(sender, "")
        resolution = await self._directory.resolve(address)
        if resolution is None:
            return [], []
        local = [Local(mailbox, account, sender) for mailbox, account in resolution.local]
        return local, [Remote(to, to.rpartition("@")[2]) for to in resolution.remote]

    async def _tell(self, due: Due) -> None:
        folder = self._store.folder
        loaded = await self._store.query(lambda reader: _original(reader, folder, due.message))
        if loaded is None or not loaded[0].sender:
            await self._drop(due, "there is nobody to tell")
            return
        envelope, original = loaded
        local, remote = await self._recipients(envelope.sender)
        if not local and not remote:
            await self._drop(due, "the sender is not known here")
            return
        identity, now = ids.new(), time.time()
        text = dsn.build(identity, self._settings.site, now, original, due.notices)
        text = await outgoing.signed(text, self._keyring, self._settings, now)
        report = Message(
            id=identity,
            sender="",
            body=Body(size=len(text), data=text),
            received=now,
            message_id=f"<{ids.text(identity)}@{self._settings.site.hostname}>",
            smtputf8=not text.partition(b"\r\n\r\n")[0].isascii(),
            tls=envelope.tls,  # a report may say as much as the message (RFC 8689 §5)
            detail={"about": ids.text(due.message)},
        )

        def tell(transaction: Transaction) -> None:
            if notices.remove(transaction, due.ids) != len(due.ids):
                raise Temporary("Another process told it meanwhile.")  # undoes this
            messages.accept(transaction, report, local, remote)
            trace.add(
                transaction,
                "notice",
                "sent",
                message=due.message,
                recipient=envelope.sender,
                detail={"as": ids.text(identity), "for": [notice.recipient for notice in due.notices][:20]},
            )
            messages.release(transaction, due.message, len(due.ids))

        await self._store.commit(tell)
        self._wake.set()

    async def _drop(self, due: Due, reason: str) -> None:
        def drop(transaction: Transaction) -> None:
            gone = notices.remove(transaction, due.ids)
            trace.add(transaction, "notice", "rejected", message=due.message, detail={"reason": reason})
            messages.release(transaction, due.message, gone)

        await self._store.commit(drop)


def _original(reader: Reader, folder: Path, message: int) -> tuple[Envelope, Original] | None:
    envelope, body = messages.envelope(reader, message), bodies.load(reader, folder, message)
    if envelope is None or body is None:
        return None
    full = envelope.ret != "HDRS" and envelope.tls != messages.TLS_REQUIRED and body.size <= _FULL_BYTES
    text = body.start(body.size) if full else section(body.start(_HEADER_BYTES))
    original = Original(
        envelope.sender,
        text,
        full,
        envelope.received,
        envelope.message_id,
        envelope.envid,
        envelope.smtputf8,
    )
    return envelope, original
