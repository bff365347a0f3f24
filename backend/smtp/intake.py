"""The message itself: bytes into memory or a spool file, then scanners, then the store. 250 means it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from backend import ids
from backend.content import reading
from backend.content.scan import Incoming, scan
from backend.errors import MailError
from backend.policy import authentication_results
from backend.policy.chain import judge
from backend.policy.check import Services, Verdict
from backend.policy.dkim.letter import Letter
from backend.smtp import header, probing, reply, seals
from backend.smtp.reply import Reply
from backend.smtp.session import MailTransaction, Recipient, Session
from backend.smtp.wire import Fault
from backend.store import findings, messages, quarantine
from backend.store.bodies import Body, Spool
from backend.store.database import Store, Transaction
from backend.store.messages import Local, Message, Remote
from backend.store.notices import Notice
from backend.store.quarantine import Wanted
from backend.store.spam_scores import note as note_score

_SUBJECT = 200  # characters that the quarantine shows
_WRITE = 1024 * 1024  # bytes gathered before they are written to the spool

threads = ThreadPoolExecutor(4, thread_name_prefix="spool")  # disk writes of large messages


class Intake:
    """Takes one message in pieces. A fault or a failing disk is kept until the end: the client must be heard out."""

    def __init__(self, store: Store, services: Services) -> None:
        limits = services.settings.limits
        self.size = 0
        self.failure: Reply | None = None
        self.fault = Fault()
        self._limits = limits
        self._store = store
        self._pieces: list[bytes] = []
        self._gathered = 0
        self._start = b""  # of a spooled message: the header section, or as much as is here
        self._spool: Spool | None = None

    async def write(self, piece: bytes) -> None:
        """The next piece. Waits for the disk when much is waiting to be written."""
        if not piece:
            return
        self.size += len(piece)
        self.fault.watch(piece)
        if self.failure is not None:
            return
        if self.fault.bare or self.fault.nul:
            await self._fail(reply.BARE_IN_MESSAGE if self.fault.bare else reply.NUL_IN_MESSAGE)
        elif self.size > self._limits.message_bytes:
            await self._fail(reply.TOO_BIG.saying(f"Message too big; the limit is {self._limits.message_bytes} bytes"))
        else:
            self._pieces.append(piece)
            self._gathered += len(piece)
            if self._gathered > (_WRITE if self._spool else self._limits.spool_memory_bytes):
                await self._write_out()

    async def finish(self) -> tuple[Body, bytes] | Reply:
        """The body and its header section; or the reply that refuses it."""
        self.fault.end()
        if self.failure is None and self.fault.bare:
            await self._fail(reply.BARE_IN_MESSAGE)
        if self.failure is None and self._spool is not None:
            await self._write_out()
        if self.failure is not None:
            return self.failure
        if self._spool is None:
            data = b"".join(self._pieces)
            section = header.section(data)
            body = Body(size=len(data), data=data)
        else:
            section = header.section(self._start)
            try:
                body = await asyncio.get_running_loop().run_in_executor(threads, self._spool.finish)
            except MailError as error:
                await self._fail(reply.of(error))
                return reply.of(error)
        if len(section) > self._limits.header_bytes:
            await self.abandon()
            return reply.HEADER_TOO_BIG
        return body, section

    async def abandon(self) -> None:
        """Throw away what is here."""
        self._pieces.clear()
        spool, self._spool = self._spool, None
        if spool is not None:
            await asyncio.get_running_loop().run_in_executor(threads, spool.abandon)

    async def _write_out(self) -> None:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._gathered = 0
        if not self._start or (not header.ended(self._start) and len(self._start) <= self._limits.header_bytes):
            self._start += data[: self._limits.header_bytes + 4]
        loop = asyncio.get_running_loop()
        try:
            if self._spool is None:
                self._spool = await loop.run_in_executor(threads, self._open)
            await loop.run_in_executor(threads, self._spool.write, data)
        except MailError as error:
            await self._fail(reply.of(error))

    def _open(self) -> Spool:
        return Spool(self._store.folder)

    async def _fail(self, answer: Reply) -> None:
        self.failure = answer
        await self.abandon()


async def accept(
    body: Body, section: bytes, session: Session, store: Store, services: Services
) -> tuple[Reply, int | None, tuple[str, Verdict] | None]:
    """Ask the scanners, then store: the reply, the id when it was accepted, and who refused when it was not.

    MailError when the store cannot take it now.
    """
    mail = session.mail
    assert mail is not None
    identity = ids.new()
    now = services.now()
    hostname = services.settings.site.hostname
    fields = header.Fields(section)
    head = b""
    if session.submission and session.account is not None:
        head = header.missing(fields, hostname, identity, now)
    letter = Letter(section, body)
    mail.content = Incoming(identity, session, section, fields, body, letter)
    mail.probe = await probing.recognise(section, body, store)
    only = str(mail.recipients[0].address) if len(mail.recipients) == 1 else None
    received = header.received(session, hostname, identity, now, only)
    refusal = await judge("message", session, services)
    if refusal is None or refusal[1].reply is None:
        services.spam.begin(mail.content, received, services.settings)
        refusal = await scan(mail.content, services)
    if refusal is not None and refusal[1].reply is not None:
        if mail.opinions is not None:
            mail.opinions.cancel()
        return refusal[1].reply, None, refusal
    caught = refusal[1] if refusal is not None and refusal[1].action == "quarantine" else None
    kept = authentication_results.without(hostname, section)
    marked = await services.spam.mark(mail.content, kept, services)
    results = _results(session, hostname)
    head = await seals.above(letter.under(head + marked.section), session, services, results, now) + head
    head = b"".join([received, results, marked.head, *mail.above, head])
    body = body.headed(head, section, marked.section)
    sends_on = any(recipient.own and recipient.resolution.remote for recipient in mail.recipients)
    local, remote, notices = copies(mail, await services.directory.leaves_as(mail.sender) if sends_on else None)
    message = Message(
        id=identity,
        sender=mail.reverse_path,
        body=body,
        received=now,
        account=session.account.address if session.account else None,
        peer=str(session.peer),
        session=session.id,
        message_id=fields.message_id,
        envid=mail.envid,
        ret=mail.ret,
        smtputf8=mail.smtputf8,
        tls=_tls(mail, fields),
        junk=services.settings.spam.junk if marked.detail.get("marked") else None,
        detail=_detail(session) | ({"spam": marked.detail} if marked.detail else {}),
    )
    note = account_of(session)

    def take(transaction: Transaction) -> None:
        if caught is not None:
            until = now + services.settings.antivirus.quarantine_days * 86_400
            _catch(transaction, message, mail, section, caught.reason, until)
        elif mail.probe is not None:
            probing.take(transaction, message, local)
        else:
            messages.accept(transaction, message, local, remote, notices)
        if mail.probe is None:
            note_score(transaction, identity, mail.reverse_path, marked.detail)
        note(transaction)
        scanner, reason = (refusal[0], caught.reason) if refusal is not None and caught is not None else ("", "")
        probing.note(transaction, mail, ids.text(identity), scanner, reason, identity)

    await store.commit(take)
    return reply.OK.saying(f"Queued as {ids.text(identity)}"), identity, None


def account_of(session: Session, *, over: bool = True) -> Callable[[Transaction], None]:
    """What statistics want to know of the findings so far, each counted once for a message; and what checks want
    written down, when the message is `over`: taken, or refused for good. Nothing while there is no message.
    """
    mail = session.mail
    if mail is None:
        return lambda transaction: None
    new = [(name, one.value, one.domain) for name, one in session.all_findings.items() if name not in mail.counted]
    mail.counted.update(name for name, _, _ in new)
    steps = list(mail.written) if over else []
    counts, mail.counts = mail.counts, []

    def note(transaction: Transaction) -> None:
        findings.count(transaction, new)
        for name in counts:
            transaction.count(name)
        for step in steps:
            step(transaction)

    return note


def _catch(
    transaction: Transaction, message: Message, mail: MailTransaction, section: bytes, reason: str, until: float
) -> None:
    """Keep a message from its recipients."""
    subject = next((value for name, value in reading.fields(section)[0] if name.lower() == "subject"), "")
    quarantine.put(
        transaction,
        message,
        [Wanted(str(one.address), one.notify, one.orcpt) for one in mail.recipients],
        reason=reason,
        words=", ".join(f"{name}: {said}" for name, said in mail.engines.items()),
        engines=mail.engines,
        subject=subject[:_SUBJECT],
        until=until,
    )


def copies(mail: MailTransaction, leaves_as: str | None) -> tuple[list[Local], list[Remote], list[Notice]]:
    """What becomes of a message: one copy a mailbox however many ways lead there, one entry an address elsewhere.

    `leaves_as`: the sender of what our own aliases send on, when it is not the message's.
    """
    local: dict[int, Local] = {}
    remote: dict[str, Remote] = {}
    notices: list[Notice] = []
    for recipient in mail.recipients:
        address = str(recipient.address)
        for mailbox, account in recipient.resolution.local:
            local.setdefault(mailbox, Local(mailbox, account, address))
        for to in recipient.resolution.remote:
            sender = leaves_as if recipient.own else None
            remote.setdefault(to, Remote(to, to.rpartition("@")[2], recipient.notify, _orcpt(recipient), sender))
        wanted = recipient.notify is not None and "SUCCESS" in recipient.notify
        if wanted and mail.sender is not None and recipient.resolution.local:
            notices.append(Notice(address, "delivered", "2.1.5", "delivered to the mailbox", orcpt=recipient.orcpt))
    return list(local.values()), list(remote.values()), notices


def _orcpt(recipient: Recipient) -> str | None:
    """The original recipient; when our own alias changed the address, we are the one to note it (RFC 3461 §5.2.1)."""
    return recipient.orcpt or (f"rfc822;{recipient.address}" if recipient.own and recipient.address.ascii else None)


def _tls(mail: MailTransaction, fields: header.Fields) -> str | None:
    """What the message asks of the connections it goes over; what was said at MAIL goes before the header."""
    if mail.requiretls:
        return messages.TLS_REQUIRED
    return messages.TLS_OPTIONAL if fields.tls_optional else None


def _results(session: Session, hostname: str) -> bytes:
    """What the checks found, for whom the message reaches; a message of our own users claims nothing."""
    findings = session.all_findings
    return authentication_results.write(hostname, findings.values()) if findings else b""


def _detail(session: Session) -> dict[str, object]:
    detail: dict[str, object] = {"protocol": session.protocol, "helo": session.helo}
    if session.tls:
        detail["tls"] = session.tls
    if session.mail is not None and session.mail.requiretls:
        detail["requiretls"] = True
    if session.account is not None:
        detail["account"] = session.account.address
    if findings := session.all_findings:
        detail["checks"] = {name: finding.value for name, finding in findings.items()}
    if session.mail is not None and session.mail.allowed:
        detail["allowed"] = session.mail.allowed
    if session.mail is not None and session.mail.engines:
        detail["engines"] = session.mail.engines
    if session.marks:
        detail["marks"] = session.marks
    if session.mail is not None and session.mail.probe is not None:
        detail["probe"] = session.mail.probe.what
    return detail


def verdict_reply(verdict: Verdict, services: Services) -> Reply:
    """The reply of a refusal, with where to complain (RFC 2505 §2.3)."""
    answer = verdict.reply or reply.INTERNAL
    return replace(answer, text=f"{answer.text}; questions: postmaster@{services.settings.site.domain}")
