"""Tells other domains once a day how TLS with their mail hosts went, if they want to know (TLS-RPT, RFC 8460)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
import time
import urllib.parse
from functools import partial

from backend import ids, logs, tls
from backend.accounts.directory import Directory
from backend.address import parse
from backend.config import Settings
from backend.delivery.rounds import rounds
from backend.delivery.tlsrpt import report as reports
from backend.delivery.tlsrpt.report import Report
from backend.delivery.trust import https
from backend.delivery.trust.https import NotFetched, Request
from backend.errors import BadInput, MailError, Temporary
from backend.policy.dkim import outgoing
from backend.policy.dkim.keyring import Keyring
from backend.resolver.mail_hosts import addresses
from backend.resolver.resolver import Resolver
from backend.store import messages, tls_results
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Local, Message, Remote

_EVERY = 600.0  # seconds between looks
_FIRST = 120.0  # after the start
_DAY = 86_400
_LATE = 2  # days after which nobody is told any more
_SPREAD = 4 * 3_600  # seconds over which reports are spread after midnight: not all at once (RFC 8460 §4.1)
_LOOKED_AT = 5_000  # domains that wait, in one look
_AT_ONCE = 200  # reports in one look
_TEXTS = 20  # TXT records looked at
_POST_SECONDS = 60.0  # for one report by HTTPS
_ANSWER = 65_536  # bytes of the answer to it

_log = logging.getLogger("delivery")


class Reporter:
    """`run` looks now and then; `wake` starts the delivery of what was written. Reports are signed: some domains take
    no others (RFC 8460 §3).
    """

    def __init__(self, settings: Settings, store: Store, wake: asyncio.Event) -> None:
        self._keyring = Keyring(store)
        self._store = store
        self._wake = wake
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._directory = Directory(self._store, settings)
        self._resolver = Resolver(settings.dns)

    async def run(self) -> None:
        """For ever."""
        await rounds(self._now, "reports about TLS wait", every=_EVERY, first=_FIRST)

    async def _now(self) -> None:
        try:
            await self.once(time.time())
        except MailError:
            raise
        except Exception:
            _log.exception("a report about TLS could not be written")

    async def once(self, now: float) -> int:
        """What is due at that time; how many domains were seen to. Temporary when the store cannot take it."""
        if not self._settings.outbound.tls_reports:
            return 0
        today = int(now) // _DAY
        wanted = await self._store.query(
            lambda reader: tls_results.unreported(reader, today, today - _LATE, _LOOKED_AT)
        )
        due = [(domain, day) for domain, day in wanted if now >= (day + 1) * _DAY + self._offset(domain)]
        done = 0
        for domain, day in due[:_AT_ONCE]:
            done += await self._see_to(domain, day)
        return done

    def _offset(self, domain: str) -> int:
        """Seconds after midnight: another for each domain, and for each of those who report to it."""
        digest = hashlib.sha256(f"{self._settings.site.hostname} {domain}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % _SPREAD

    async def _see_to(self, domain: str, day: int) -> bool:
        try:
            answer = await self._resolver.ask(f"_smtp._tls.{domain}", "TXT")
        except Temporary:
            return False  # at the next look
        texts = (b"".join(record.strings).decode("ascii", "replace") for record in answer.records[:_TEXTS])
        uris = reports.destinations(texts)
        mailto = [address for uri in uris if (address := _address(uri))]
        web = [uri for uri in uris if uri[:8].lower() == "https://"]
        if not mailto and not web:
            await self._note(domain, day, "nobody asks for it")
            return True
        counted = await self._store.query(lambda reader: tls_results.of_day(reader, domain, day))
        report = Report(ids.new(), domain, day)
        content = reports.packed(reports.write(report, counted, self._settings))
        if mailto:
            return await self._mail(report, content, mailto)
        return await self._post(report, content, web[0])

    async def _note(self, domain: str, day: int, outcome: str) -> None:
        await self._store.commit(partial(tls_results.reported, domain=domain, day=day, outcome=outcome))

    # -- by mail

    async def _mail(self, report: Report, content: bytes, recipients: list[str]) -> bool:
        local, remote = await self._ways(recipients)
        if not local and not remote:
            await self._note(report.domain, report.day, "its addresses lead nowhere")
            return True
        site = self._settings.site
        now = time.time()
        text = reports.mail(report, content, recipients, self._settings, now)
        text = await outgoing.signed(text, self._keyring, self._settings, now)
        message = Message(
            id=report.identity,
            sender=f"postmaster@{site.domain}",
            body=Body(size=len(text), data=text),
            message_id=f"<{report.id(site.hostname)}>",
            tls=messages.TLS_OPTIONAL,
            detail={"tls_report": report.domain},
        )

        def queue(transaction: Transaction) -> bool:
            if not tls_results.reported(transaction, report.domain, report.day, "sent", report.identity):
                return False  # another process was faster
            messages.accept(transaction, message, local, remote)
            return True

        await self._store.commit(queue)
        self._wake.set()
        return True

    async def _ways(self, recipients: list[str]) -> tuple[list[Local], list[Remote]]:
        """Where it goes; whoever it does not reach, nobody is told of it."""
        local: list[Local] = []
        remote: list[Remote] = []
        for to in recipients:
            try:
                resolution = await self._directory.resolve(to)
            except BadInput:
                continue
            if resolution is not None:
                local += [Local(mailbox, account, to) for mailbox, account in resolution.local]
                remote += [Remote(one, one.rpartition("@")[2], "NEVER") for one in resolution.remote]
        return local, remote

    # -- by HTTPS

    async def _post(self, report: Report, content: bytes, uri: str) -> bool:
        try:
            reply = await https.ask(await self._request(uri, content), _POST_SECONDS)
            if reply.status // 100 != 2:
                raise NotFetched(f"the web server answers {reply.status}")
        except NotFetched as error:
            _log.warning("a report about TLS was not taken: %s", error, extra=logs.fields(domain=report.domain))
            return False  # at the next look, until it is too late
        await self._note(report.domain, report.day, "sent by HTTPS")
        return True

    async def _request(self, uri: str, content: bytes) -> Request:
        try:
            parts = urllib.parse.urlsplit(uri)
            host, port = parts.hostname or "", parts.port or https.PORT
            if not host.isascii() or not uri.isascii() or not uri.isprintable() or " " in uri:
                raise ValueError(uri)
        except ValueError:
            raise NotFetched("its address is none") from None
        try:
            found = await addresses(self._resolver, host)
        except MailError as error:
            raise NotFetched(str(error)) from None
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        return Request(
            host,
            path,
            tuple(one.address for one in found),
            self._context(),
            port,
            _ANSWER,
            "POST",
            content,
            {"Content-Type": "application/tlsrpt+gzip"},
        )

    def _context(self) -> ssl.SSLContext:
        return tls.client_context(verify=True, ca_file=self._settings.outbound.ca_file)


def _address(uri: str) -> str:
    """The address in a mailto: URI, as mail has it; empty when there is none (RFC 6068)."""
    if uri[:7].lower() != "mailto:":
        return ""
    try:
        address = parse(urllib.parse.unquote(uri[7:].partition("?")[0], errors="strict"))
    except (BadInput, UnicodeDecodeError):
        return ""
    return str(address) if address.ascii and address.domain else ""
