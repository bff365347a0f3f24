"""Answers mail for people who are away. The answer, the record that it was given, and the end of the message's wait are
one transaction: a crash repeats nothing and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend import ids, logs
from backend.accounts.directory import Directory
from backend.address import parse
from backend.config import Settings
from backend.delivery.rounds import rounds
from backend.delivery.vacation import reply, rules
from backend.errors import MailError
from backend.policy.dkim import outgoing
from backend.policy.dkim.keyring import Keyring
from backend.smtp.header import section
from backend.store import accounts, bodies, messages, trace, vacations
from backend.store.bodies import Body
from backend.store.database import Reader, Store, Transaction
from backend.store.messages import Envelope, Local, Message, Remote
from backend.store.vacations import Due, Vacation

_log = logging.getLogger("delivery")
_LOOK = 2.0  # seconds between looks for mail that wants an answer
_PIECE = 50  # messages in one look
_PAUSE = 1.0  # seconds before a store that takes nothing is asked again
_HOUR = 3_600.0
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class _Case:
    """One message for one person who is away."""

    vacation: Vacation
    address: str  # the person's
    names: frozenset[str]  # all that reach the person
    envelope: Envelope
    header: rules.Header


class Responder:
    """Decides on what `vacations.note` has kept. `wake` starts the delivery of answers that go elsewhere."""

    def __init__(self, settings: Settings, store: Store, wake: asyncio.Event) -> None:
        self._store = store
        self._wake = wake
        self._keyring = Keyring(store)
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._directory = Directory(self._store, settings)

    async def run(self) -> None:
        """For ever."""
        await rounds(self.answer_all, "vacations wait", every=_LOOK, pause=_PAUSE)

    async def answer_all(self) -> None:
        """All that waits now. Temporary when the store cannot take it."""
        while found := await self._store.query(lambda reader: vacations.due(reader, _PIECE)):
            for due in found:
                try:
                    await self._decide(due)
                except MailError:
                    raise
                except Exception:
                    _log.exception("a vacation failed", extra=logs.fields(message=ids.text(due.message)))
                    await self._end(due, "it could not be read")

    async def _decide(self, due: Due) -> None:
        folder = self._store.folder
        case = await self._store.query(lambda reader: _case(reader, folder, due))
        if case is None or not case.vacation.enabled:
            await self._end(due, "the vacation is over")
            return
        separator = self._settings.accounts.tag_separator
        reason = rules.refusal(case.header, case.envelope.sender, _own(case.names, separator))
        if reason:
            await self._end(due, reason, case.address)
            return
        await self._answer(due, case)

    async def _answer(self, due: Due, case: _Case) -> None:
        sender, vacation = case.envelope.sender, case.vacation
        local, remote = await self._way(sender)
        identity, now = ids.new(), time.time()
        hostname = self._settings.site.hostname
        text = reply.build(vacation, case.address, sender, case.header, identity, now, hostname)
        text = await outgoing.signed(text, self._keyring, self._settings, now)
        answer = Message(
            id=identity,
            sender="",
            body=Body(size=len(text), data=text),
            received=now,
            message_id=f"<{ids.text(identity)}@{hostname}>",
            smtputf8=not (sender + case.address).isascii(),
            tls=case.envelope.tls,
            detail={"about": ids.text(due.message)},
        )
        most = self._settings.limits.vacation_answers_per_hour

        def give(transaction: Transaction) -> None:
            if vacations.answered(transaction, due.account, sender.lower(), now - vacation.days * _DAY):
                self._close(transaction, due, f"the sender was answered in the last {vacation.days} days", case.address)
            elif vacations.answers_since(transaction, due.account, now - _HOUR) >= most:
                self._close(transaction, due, f"{most} answers were given in this hour", case.address)
            elif not (local or remote):
                self._close(transaction, due, "the sender is not known here", case.address)
            elif vacations.settle(transaction, due):
                vacations.answer(transaction, due.account, sender.lower())
                messages.accept(transaction, answer, local, remote)
                trace.add(
                    transaction,
                    "vacation",
                    "sent",
                    message=due.message,
                    recipient=case.address,
                    detail={"to": sender, "as": ids.text(identity)},
                )
                messages.release(transaction, due.message)

        await self._store.commit(give)
        if remote:
            self._wake.set()

    async def _way(self, sender: str) -> tuple[list[Local], list[Remote]]:
        """Where the answer goes: mailboxes of ours, addresses elsewhere, or nowhere."""
        with contextlib.suppress(MailError):
            resolution = await self._directory.resolve(sender)
            if resolution is not None:
                local = [Local(mailbox, account, sender) for mailbox, account in resolution.local]
                return local, [Remote(to, to.rpartition("@")[2]) for to in resolution.remote]
        return [], []

    async def _end(self, due: Due, reason: str, address: str | None = None) -> None:
        await self._store.commit(lambda transaction: self._close(transaction, due, reason, address))

    def _close(self, transaction: Transaction, due: Due, reason: str, address: str | None) -> None:
        """No answer, and why; the helpdesk can see it."""
        if vacations.settle(transaction, due):
            detail = {"reason": reason}
            trace.add(transaction, "vacation", "skipped", message=due.message, recipient=address, detail=detail)
            messages.release(transaction, due.message)


def _case(reader: Reader, folder: Path, due: Due) -> _Case | None:
    vacation, account = vacations.find(reader, due.account), accounts.account_of(reader, due.account)
    envelope, body = messages.envelope(reader, due.message), bodies.load(reader, folder, due.message)
    if vacation is None or account is None or envelope is None or body is None:
        return None
    names = frozenset(accounts.names_of(reader, account.address))
    header = rules.read(section(body.start(rules.HEADER_BYTES)))
    return _Case(vacation, account.address, names, envelope, header)


def _own(names: frozenset[str], separator: str) -> Callable[[str], bool]:
    """Whether an address is one of the names, or one of them with a tag."""

    def is_own(key: str) -> bool:
        local, _, domain = key.rpartition("@")
        if separator and separator in local[1:]:
            local = local[0] + local[1:].partition(separator)[0]
        return key in names or f"{local}@{domain}" in names

    return is_own


def example(vacation: Vacation, address: str, sender: str, settings: Settings) -> bytes:
    """The answer that `sender` would get to a message with the subject "Hello"."""
    header = rules.Header({"subject": "Hello", "message-id": "<example@example.net>"}, (address,))
    return reply.build(vacation, address, str(parse(sender)), header, ids.new(), time.time(), settings.site.hostname)
