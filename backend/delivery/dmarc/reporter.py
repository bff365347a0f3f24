"""Writes to the owners of domains, once a day, how much mail came in their name, from where, and what became of it.

A report leaves as mail from <>, through the queue, in one transaction with the end of what it tells of: a crash
repeats nothing and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from backend import ids
from backend.accounts.directory import Directory
from backend.config import Settings
from backend.delivery.dmarc import feedback
from backend.delivery.dmarc.permission import permitted
from backend.delivery.rounds import rounds
from backend.errors import MailError, Temporary
from backend.policy.dkim import outgoing
from backend.policy.dkim.keyring import Keyring
from backend.policy.dmarc import record
from backend.policy.dmarc.record import ParseError, Record, ReportTo
from backend.resolver.answer import Asks
from backend.resolver.resolver import Resolver
from backend.store import dmarc_results, messages
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.dmarc_results import DAY, Day
from backend.store.messages import Local, Message, Remote

_log = logging.getLogger("delivery")
_EVERY = 600.0  # seconds between looks for a day that is over
_FIRST = 30.0  # after the start
_PIECE = 100  # domains in one look
_BREATH = 0.05  # seconds between two reports: nobody waits for them
_PATIENCE = 3  # days in which a name server may tell whether an address wants its reports
_TO = 5  # addresses of one domain


class Reports:
    """Ours to others. `wake` starts the delivery of what was written."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        wake: asyncio.Event,
        resolver: Asks | None = None,
    ) -> None:
        self._store = store
        self._wake = wake
        self._keyring = Keyring(store)
        self._given = resolver
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._resolver: Asks = self._given or Resolver(settings.dns)
        self._directory = Directory(self._store, settings)

    async def run(self) -> None:
        """For ever."""
        await rounds(lambda: self.once(time.time()), "DMARC reports wait", every=_EVERY, first=_FIRST)

    async def once(self, now: float) -> int:
        """Report on all days that are over at `now`; how many mails were written."""
        today, written = int(now) // DAY, 0
        passed: set[Day] = set()  # wait for a name server
        if not self._settings.dmarc.reports:
            return 0
        while True:
            days = await self._store.query(lambda reader: dmarc_results.waiting(reader, today, _PIECE + len(passed)))
            new = [day for day in days if day not in passed]
            if not new:
                return written
            for day in new:
                number = await self._report(day, today, now)
                if number is None:
                    passed.add(day)
                written += number or 0
                await asyncio.sleep(_BREATH)

    async def _report(self, day: Day, today: int, now: float) -> int | None:
        """How many mails were written; None when it must be tried again."""
        if await self._store.query(lambda reader: dmarc_results.sent_on(reader, day.day)) >= self._most:
            await self._close(day, "", "not sent: there were too many domains on that day")
            return 0
        try:
            wanted = record.parse(day.record)
            addresses = await self._addresses(day, wanted)
        except ParseError:
            await self._close(day, "", "not sent: the record cannot be read")
            return 0
        except Temporary as error:
            if today - day.day <= _PATIENCE:
                return None
            await self._close(day, "", f"not sent: {error}")
            return 0
        if not addresses:
            await self._close(
                day, ", ".join(to.address for to in wanted.rua[:_TO]), "not sent: they have not asked for it"
            )
            return 0
        return await self._write(day, wanted, addresses, now)

    @property
    def _most(self) -> int:
        return self._settings.dmarc.report_domains

    async def _addresses(self, day: Day, wanted: Record) -> list[ReportTo]:
        found: dict[str, ReportTo] = {}
        for to in wanted.rua[:_TO]:
            one = await permitted(self._resolver, day.domain, to)
            if one is not None:
                found.setdefault(one.address.lower(), one)
        return list(found.values())

    async def _write(self, day: Day, wanted: Record, addresses: list[ReportTo], now: float) -> int:
        most, reporter = self._settings.dmarc.report_rows, self._reporter()
        rows, sources, number = await self._store.query(lambda reader: dmarc_results.rows_of(reader, day, most))
        file = await asyncio.to_thread(lambda: feedback.packed(feedback.xml(day, wanted, reporter, rows)))
        mails: list[tuple[ReportTo, Message, list[Local], list[Remote]]] = []
        refused: list[tuple[ReportTo, str]] = []
        for to in addresses:
            identity = ids.new()
            text = feedback.mail(identity, now, day, reporter, to.address, (sources, number), file)
            text = await outgoing.signed(text, self._keyring, self._settings, now)
            if to.most and len(text) > to.most:
                refused.append((to, f"not sent: it has {len(text):,} bytes, and they take {to.most:,}"))
                continue
            local, remote = await self._way(to.address)
            if local or remote:
                mails.append((to, self._message(identity, text, now, day), local, remote))
            else:
                refused.append((to, "not sent: there is no such address"))

        def write(transaction: Transaction) -> int:
            if not dmarc_results.done(transaction, day):
                return 0  # another process was quicker
            for to, message, local, remote in mails:
                messages.accept(transaction, message, local, remote)
                dmarc_results.note_sent(transaction, day, to.address, (sources, number), "sent", message.id)
                transaction.count("dmarc-report.out")
            for to, why in refused:
                dmarc_results.note_sent(transaction, day, to.address, (sources, number), why, None)
            return len(mails)

        written = await self._store.commit(write)
        if written:
            self._wake.set()
        return written

    def _message(self, identity: int, text: bytes, now: float, day: Day) -> Message:
        return Message(
            id=identity,
            sender="",
            body=Body(size=len(text), data=text),
            received=now,
            message_id=f"<{ids.text(identity)}@{self._settings.site.hostname}>",
            detail={"report": day.domain},
        )

    def _reporter(self) -> feedback.Reporter:
        site, own = self._settings.site, self._settings.dmarc
        return feedback.Reporter(
            own.organisation or site.domain,
            own.report_from or f"dmarc-reports@{site.domain}",
            own.contact or f"postmaster@{site.domain}",
            site.domain,
            site.hostname,
        )

    async def _way(self, address: str) -> tuple[list[Local], list[Remote]]:
        """Where a report goes: mailboxes of ours, addresses elsewhere, or nowhere."""
        with contextlib.suppress(MailError):
            resolution = await self._directory.resolve(address)
            if resolution is not None:
                local = [Local(mailbox, account, address) for mailbox, account in resolution.local]
                return local, [Remote(to, to.rpartition("@")[2]) for to in resolution.remote]
        return [], []

    async def _close(self, day: Day, recipient: str, outcome: str) -> None:
        """No report on that day, and why."""
        _, sources, number = await self._store.query(lambda reader: dmarc_results.rows_of(reader, day, 0))

        def close(transaction: Transaction) -> None:
            if dmarc_results.done(transaction, day):
                dmarc_results.note_sent(transaction, day, recipient, (sources, number), outcome[:300], None)

        await self._store.commit(close)
