"""Reads the reports that others send to [dmarc] report_address: a look at the mailbox now and then, never at SMTP.

The mail stays where it is. How far a mailbox has been read is kept with what was found, in one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from backend import ids, logs
from backend.accounts.directory import Directory
from backend.config import Settings
from backend.delivery.dmarc import parsing, unpacking
from backend.delivery.rounds import rounds
from backend.errors import BadInput
from backend.policy import author
from backend.smtp import header
from backend.store import accounts, dmarc_reports, mailboxes
from backend.store.bodies import Body
from backend.store.database import Reader, Store, Transaction
from backend.store.dmarc_reports import Report, ReportRow
from backend.store.mailboxes import Mail

_log = logging.getLogger("delivery")
_EVERY = 10.0  # seconds between looks
_PIECE = 10  # messages in one look
_LARGEST = 2 * unpacking.PACKED  # bytes of a message: a file in base64, and room
_HEADER = 64 * 1024  # bytes of a header section that are looked at
_FILES = 10  # of one message

Found = list[tuple[Report, list[ReportRow]]]


class Incoming:
    """Theirs to us."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reports")
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._directory = Directory(self._store, settings)

    async def run(self) -> None:
        """For ever."""
        await rounds(self.read_all, "DMARC reports of others wait", every=_EVERY)

    async def read_all(self) -> int:
        """Read what is new; how many reports that were."""
        address, number = self._settings.dmarc.report_address, 0
        if not address:
            return 0
        resolution = await self._directory.resolve(address)
        for mailbox, _ in resolution.local if resolution is not None else ():
            while (read := await self._read_some(mailbox)) is not None:
                number += read
        return number

    async def _read_some(self, mailbox: int) -> int | None:
        """The next messages; None when there are none."""
        folder = self._store.folder
        own, some = await self._store.query(lambda reader: _next(reader, folder, mailbox))
        if not some:
            return None
        number = 0
        for mail, body in some:
            found = await self._found(mail, body, own)

            def keep(transaction: Transaction, mail: Mail = mail, found: Found = found) -> int:
                dmarc_reports.was_read(transaction, mailbox, mail.uid)
                return sum(dmarc_reports.add(transaction, *one) is not None for one in found)

            number += await self._store.commit(keep)
        return number

    async def _found(self, mail: Mail, body: Body, own: frozenset[str]) -> Found:
        """The reports in one message. Whatever is wrong with it, the next one is read."""
        work = partial(_reports, body, own, self._settings, time.time())
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except Exception:
            _log.exception("a DMARC report failed", extra=logs.fields(message=ids.text(mail.message)))
            return []


def _next(reader: Reader, folder: Path, mailbox: int) -> tuple[frozenset[str], list[tuple[Mail, Body]]]:
    up_to = dmarc_reports.read_up_to(reader, mailbox)
    return frozenset(accounts.own_domains(reader)), list(mailboxes.bodies_of(reader, folder, mailbox, up_to, _PIECE))


def _reports(body: Body, own: frozenset[str], settings: Settings, now: float) -> Found:
    """In a thread: a large report takes seconds."""
    if body.size > _LARGEST:
        return []
    message = body.whole()
    section = header.section(message[:_HEADER])
    proven = _proven(section, settings.site.hostname)
    found: Found = []
    for file in unpacking.files(message)[:_FILES]:
        try:
            report, rows = read(file, own, now, settings.dmarc.incoming_rows)
        except BadInput as error:
            _log.info("no DMARC report: %s", error)
            continue
        found.append((replace(report, sender=_sender(section), proven=proven), rows))
    return found


def read(file: bytes, own: frozenset[str], now: float, most: int) -> tuple[Report, list[ReportRow]]:
    """The report in a file, packed or not; BadInput."""
    return parsing.read(unpacking.pieces(file), own, now, most)


def _sender(section: bytes) -> str:
    try:
        return next(iter(author.domains(section)), "")
    except author.ParseError:
        return ""


def _proven(section: bytes, hostname: str) -> bool:
    """Whether we found, when it came, that From is true: nobody else's field in our name is left in a message."""
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", section)
    ours = rb"(?im)^authentication-results: " + re.escape(hostname.encode()) + rb";.*[; ]dmarc=pass[ ;\r]"
    return re.search(ours, unfolded) is not None
