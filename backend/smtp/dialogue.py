"""The server's side of the dialogue: one command after the other (RFC 5321 §4)."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from backend import ids
from backend.address import Address
from backend.errors import Denied, MailError, Temporary
from backend.policy.chain import judge
from backend.policy.check import Stage, Verdict
from backend.smtp import auth, intake, parameters, reply
from backend.smtp.connection import Closed, Connection, TimedOut
from backend.smtp.intake import Intake
from backend.smtp.reply import Reply
from backend.smtp.session import Port, Recipient, Session
from backend.store import trace
from backend.store.accounts import Resolution
from backend.store.database import Transaction

if TYPE_CHECKING:
    from backend.smtp.server import Server

_log = logging.getLogger("smtp")
_HELO = re.compile(r"\[[0-9A-Za-z:.]{2,60}\]|(?:[A-Za-z0-9_.-]|[^\x00-\x7f]){1,255}")
_BDAT = re.compile(r"(\d{1,18})( LAST)?", re.IGNORECASE)
_GRACE = 60  # seconds before a message may be called too slow
_FAULTY_SILENCE = 2.0  # seconds without a byte after which a client with faulty line ends is taken to be done
_LINGER = 5.0  # seconds for the client to read a last reply
_NOWHERE = Resolution((), ())


class Hangup(Exception):
    """Ends the dialogue; `answer` is sent before the connection is closed."""

    def __init__(self, answer: Reply | None = None) -> None:
        super().__init__()
        self.answer = answer


class Dialogue(Connection):
    """One client of the SMTP server."""

    def __init__(self, server: Server, port: Port) -> None:
        super().__init__()
        self.server = server
        self.port: Port = port
        self.session = Session("", ipaddress.IPv4Address(0), "", port)
        self._entered = False  # counted among the clients
        self._errors = 0
        self._messages = 0
        self._intake: Intake | None = None  # between the first BDAT and the last
        self._idle = False  # waiting for a command
        self._commands: dict[str, Callable[[str], Awaitable[Reply | None]]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "HELP": self._help,
            "VRFY": self._vrfy,
        }

    # -- the frame

    def enter(self, peer: str, local: str) -> Reply | None:
        """Begin the session of a client at `peer`; the reply that sends it away when there are too many."""
        address = ipaddress.ip_address(peer.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        self.session = Session(ids.text(ids.new()), address, local, self.port)
        self.session.lookups = self.server.lookups()
        self._entered = True
        excess = self.server.enter(self, self.session.network)
        if excess is not None:
            self._refuse("connect", excess, "connections")
        return excess

    def failed(self, error: Exception) -> None:
        """A handshake that did not succeed is an event."""
        self._record("tls", "rejected", {"reason": str(error)[:200]})

    async def serve(self) -> None:
        """From the greeting to the end."""
        try:
            excess = None if self._entered else self.enter(self.peer()[0], self.local()[0])
            if excess is None:
                try:
                    self.session.tls = self.tls()
                    await self._converse()
                finally:
                    self.server.leave(self, self.session.network)
            else:
                self.send(excess)
                await self.flush()
        except (Closed, TimedOut) as error:
            if str(error):
                self.failed(error)
        except Exception:
            _log.exception("session failed", extra={"session": self.session.id, "peer": str(self.session.peer)})
            self.send(reply.INTERNAL.saying("Something went wrong here; closing"))
        finally:
            if self._intake is not None:
                await self._intake.abandon()
            self.close()

    async def _converse(self) -> None:
        limits = self.server.services.settings.limits
        end = time.monotonic() + limits.session_seconds
        try:
            refusal = await self._judge("connect")
            if refusal is not None:
                raise Hangup(refusal)
            self.send(Reply(220, "", f"{self.server.services.settings.site.hostname} ESMTP Mailconsole"))
            while True:
                answer = await self._command(await self._line(limits.command_bytes))
                if answer is not None:
                    self.send(answer)
                    if answer.refuses:
                        self._errors += 1
                if self._errors >= limits.errors_per_session:
                    self._record("connect", "closed", {"reply": str(reply.TOO_MANY_ERRORS.text)})
                    raise Hangup(reply.TOO_MANY_ERRORS)
                if time.monotonic() > end:
                    raise Hangup(reply.TOO_LONG)
                if self.server.stopping and self.session.mail is None:
                    raise Hangup(reply.SHUTTING_DOWN)
        except Hangup as hangup:
            if hangup.answer is not None:
                self.send(hangup.answer)
            await self.flush()
            if hangup.answer is not None and hangup.answer.code >= 500:
                await self.linger(_LINGER)
        except TimedOut:
            self.send(reply.SHUTTING_DOWN if self.server.stopping else reply.TOO_SLOW)
            await self.flush()

    def stop(self) -> None:
        """The service stops: a client that waits between commands is sent away, one in a message may finish it."""
        if self._idle and self.session.mail is None:
            self.interrupt()

    async def _line(self, limit: int) -> bytes:
        wire = self.wire
        self._idle = True
        while True:
            line = wire.line(limit)
            if line is None:
                await self.more(self.server.services.settings.limits.command_timeout)
                continue
            if line.fault is None:
                self._idle = False
                return line.text
            self._errors += 1
            self.send(reply.LINE_TOO_LONG if line.fault == "long" else reply.BARE_LINE_END)
            if self._errors >= self.server.services.settings.limits.errors_per_session:
                raise Hangup(reply.TOO_MANY_ERRORS)

    async def _command(self, line: bytes) -> Reply | None:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            return reply.NOT_ASCII
        verb, _, argument = text.partition(" ")
        verb = verb.upper()
        handler = self._commands.get(verb)
        if handler is None:
            return (
                reply.NOT_IMPLEMENTED
                if verb in ("EXPN", "ETRN", "TURN", "SEND", "SOML", "SAML")
                else reply.UNKNOWN_COMMAND
            )
        if self._intake is not None and verb not in ("BDAT", "RSET", "QUIT", "NOOP"):
            return reply.BDAT_PENDING
        try:
            return await handler(argument.strip())
        except MailError as error:
            return reply.of(error)

    # -- hello, TLS, AUTH

    async def _helo(self, argument: str) -> Reply:
        return await self._hello(argument, esmtp=False) or Reply(250, "", self.server.services.settings.site.hostname)

    async def _ehlo(self, argument: str) -> Reply:
        refusal = await self._hello(argument, esmtp=True)
        if refusal is not None:
            return refusal
        settings = self.server.services.settings
        lines = [
            settings.site.hostname,
            "PIPELINING",
            f"SIZE {settings.limits.message_bytes}",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "DSN",
            "ENHANCEDSTATUSCODES",
            f"LIMITS RCPTMAX={settings.limits.recipients} MAILMAX={settings.limits.session_messages}",
        ]
        if not self.session.tls:
            lines.append("STARTTLS")
        elif self.session.account is None:
            lines.append("AUTH " + " ".join(auth.MECHANISMS))
        return Reply(250, "", "\n".join(lines))

    async def _hello(self, argument: str, *, esmtp: bool) -> Reply | None:
        if not _HELO.fullmatch(argument):
            return reply.BAD_SYNTAX.saying("Say your host name or [address]")
        self.session.helo, self.session.esmtp = argument, esmtp
        self.session.mail = None
        return await self._judge("helo")

    async def _starttls(self, argument: str) -> Reply | None:
        if argument:
            return reply.BAD_SYNTAX
        if self.session.tls:
            return reply.TLS_ACTIVE
        self.send(reply.START_TLS)
        settings = self.server.services.settings
        self.session.tls = await self.start_tls(self.server.tls, settings.limits.tls_timeout)
        self.session.helo, self.session.mail = "", None  # RFC 3207 §4.2: as if nothing had been said
        return None

    async def _auth(self, argument: str) -> Reply:
        session = self.session
        if not session.tls:
            return reply.NO_AUTH_BEFORE_TLS
        if not session.esmtp or not session.helo:
            return reply.SAY_HELLO
        if session.account is not None:
            return reply.AUTH_TWICE
        if session.mail is not None:
            return reply.AUTH_IN_MAIL
        name = ""
        try:
            name, password = await auth.exchange(argument, self._challenge)
            session.account = await self.server.logins.check(name, password, session.network)
        except (Denied, Temporary) as error:
            self._record("auth", "rejected", {"account": name[:320], "reply": str(error)}, count=True)
            raise
        self._record("auth", "accepted", {"account": session.account.address, "helo": session.helo})
        return reply.AUTHENTICATED

    async def _challenge(self, words: str) -> bytes:
        self.send(Reply(334, "", auth.challenge(words)))
        return await self._line(self.server.services.settings.limits.auth_bytes)

    # -- the envelope

    async def _mail(self, argument: str) -> Reply:
        session, settings = self.session, self.server.services.settings
        if not session.helo:
            return reply.SAY_HELLO
        if session.port != "smtp" and session.account is None:
            return reply.NEED_AUTH if session.tls else reply.NEED_TLS
        if session.mail is not None:
            return reply.NESTED_MAIL
        if self._messages >= settings.limits.session_messages:
            raise Hangup(reply.TOO_MANY_MESSAGES)
        mail = parameters.mail(argument)
        if mail.size > settings.limits.message_bytes:
            answer = reply.TOO_BIG.saying(f"Message too big; the limit is {settings.limits.message_bytes} bytes")
            session.mail = mail
            self._refuse("mail", answer, "size")
            session.mail = None
            return answer
        session.mail = mail
        session.marks.clear()  # of one that was broken off
        session.lookups = self.server.lookups()
        refusal = await self._judge("mail")
        if refusal is not None:
            session.mail = None
            return refusal
        return reply.SENDER_OK

    async def _rcpt(self, argument: str) -> Reply:
        session, services = self.session, self.server.services
        mail = session.mail
        if mail is None:
            return reply.NEED_MAIL
        given = parameters.rcpt(argument, smtputf8=mail.smtputf8)
        if len(mail.recipients) >= services.settings.limits.recipients:
            return reply.TOO_MANY_RECIPIENTS
        address = self._at_home(given.address)
        own = await services.directory.is_own(address.domain)
        resolution = await services.directory.resolve(address) if own else Resolution((), (str(address),))
        session.recipient = Recipient(address, resolution or _NOWHERE, own, given.notify, given.orcpt)
        refusal = await self._judge("rcpt")
        if refusal is not None:
            return refusal
        mail.recipients.append(session.recipient)
        return reply.RECIPIENT_OK

    def _at_home(self, address: Address) -> Address:
        """`<postmaster>`, and an address at the literal that the client connected to, are in our first domain."""
        local = self.session.local
        if address.domain in ("", f"[{local}]", f"[IPv6:{local}]"):
            return Address(address.local, self.server.services.settings.site.domain)
        return address

    # -- the message

    async def _data(self, argument: str) -> Reply | None:
        if argument:
            return reply.BAD_SYNTAX
        mail = self.session.mail
        if mail is None:
            return reply.NEED_MAIL
        if not mail.recipients:
            return reply.NEED_RECIPIENT
        refusal = await self._judge("data")
        if refusal is not None:
            self.session.mail = None
            return refusal
        self.send(reply.GO_AHEAD)
        message = Intake(self.server.store, self.server.services)
        try:
            ended = False
            began = time.monotonic()
            while not ended:
                if not self.wire.buffer:
                    await self._more_data(message, began)
                piece, ended = self.wire.data()
                await message.write(piece)
                if not ended and not piece:
                    await self._more_data(message, began)
        except BaseException:
            await message.abandon()
            raise
        return await self._finish(message)

    async def _bdat(self, argument: str) -> Reply | None:
        found = _BDAT.fullmatch(argument)
        if found is None:  # how many bytes follow is not known, so nothing that follows can be trusted
            raise Hangup(reply.BAD_SYNTAX.saying("Syntax: BDAT size [LAST]"))
        size, last = int(found[1]), found[2] is not None
        mail, limits = self.session.mail, self.server.services.settings.limits
        if size > 2 * limits.message_bytes:
            raise Hangup(reply.TOO_BIG)
        wrong = reply.NEED_MAIL if mail is None else reply.NEED_RECIPIENT if not mail.recipients else None
        if wrong is None and self._intake is None:
            wrong = await self._judge("data")
        if wrong is None and self._intake is None:
            self._intake = Intake(self.server.store, self.server.services)
        message = self._intake if wrong is None else None
        began, before = time.monotonic(), size
        while size > 0:
            if not self.wire.buffer:
                await self._more_data(message, began, before - size)
            piece = self.wire.chunk(size)
            size -= len(piece)
            if message is not None:
                await message.write(piece)
        if message is None:
            return wrong
        if message.failure is not None or last:
            self._intake = None
            return await self._finish(message)
        return reply.OK.saying(f"{before} bytes received")

    async def _more_data(self, message: Intake | None, began: float, size: int = 0) -> None:
        """Wait for bytes of the message; a client that is too slow, or done by wrong line ends, is sent away."""
        limits = self.server.services.settings.limits
        size = message.size if message is not None else size
        if size > 2 * limits.message_bytes:
            raise Hangup(reply.TOO_BIG)
        seconds = time.monotonic() - began
        if seconds > _GRACE and size < limits.data_bytes_per_second * seconds:
            raise Hangup(reply.TOO_SLOW)
        faulty = message is not None and message.fault.bare
        try:
            await self.more(_FAULTY_SILENCE if faulty else limits.data_timeout)
        except TimedOut:
            if not faulty:
                raise
            self._refuse("data", reply.BARE_IN_MESSAGE, "line ends")
            raise Hangup(reply.BARE_IN_MESSAGE) from None

    async def _finish(self, message: Intake) -> Reply:
        """The message is here whole: take it or refuse it, and begin anew."""
        server, session = self.server, self.session
        self._messages += 1
        mail = session.mail
        assert mail is not None
        try:
            received = await message.finish()
            if isinstance(received, Reply):
                self._refuse("data", received, "message")
                return received
            body, section = received
            answer, identity, refusal = await intake.accept(body, section, session, server.store, server.services)
            if refusal is not None:
                answer = intake.verdict_reply(refusal[1], server.services)
                self._refuse("data", answer, *refusal)
            if identity is None:
                await message.abandon()
            elif any(recipient.resolution.remote or recipient.notify for recipient in mail.recipients):
                server.wake()
            return answer
        except MailError as error:
            await message.abandon()
            self._refuse("data", reply.of(error), "store")
            return reply.of(error)
        finally:
            session.mail = None
            session.marks.clear()

    # -- the rest

    async def _rset(self, argument: str) -> Reply:
        self.session.mail = None
        if self._intake is not None:
            await self._intake.abandon()
            self._intake = None
        return reply.OK

    async def _noop(self, argument: str) -> Reply:
        return reply.OK

    async def _help(self, argument: str) -> Reply:
        return reply.HELP

    async def _vrfy(self, argument: str) -> Reply:
        return reply.CANNOT_VERIFY if argument else reply.BAD_SYNTAX

    async def _quit(self, argument: str) -> Reply | None:
        raise Hangup(reply.BYE)

    async def _judge(self, stage: Stage) -> Reply | None:
        decided = await judge(stage, self.session, self.server.services)
        if decided is None or decided[1].action == "accept":
            return None
        name, verdict = decided
        answer = intake.verdict_reply(verdict, self.server.services)
        self._refuse(stage, answer, name, verdict)
        return answer

    def _refuse(self, stage: str, answer: Reply, check: str, verdict: Verdict | None = None) -> None:
        """Every refusal is an event, with time, address and reason (RFC 2505 §2.4)."""
        detail: dict[str, object] = {"check": check, "reply": f"{answer.code} {answer.status} {answer.text}"}
        if verdict is not None:
            detail["reason"] = verdict.reason
            if self.session.mail is not None and self.session.mail.engines:
                detail["engines"] = self.session.mail.engines
            if verdict.rule is not None:
                detail["rule"] = verdict.rule
        if self.session.helo:
            detail["helo"] = self.session.helo
        self._record(stage, "rejected" if answer.code >= 500 else "deferred", detail, count=True)

    def _record(self, stage: str, verdict: str, detail: dict[str, object], *, count: bool = False) -> None:
        session = self.session
        mail = session.mail
        recipient = str(session.recipient.address) if stage == "rcpt" and session.recipient is not None else None

        def write(transaction: Transaction) -> None:
            trace.add(
                transaction,
                stage,
                verdict,
                session=session.id,
                peer=str(session.peer),
                sender=sender,
                recipient=recipient,
                detail=detail,
            )
            if count:
                transaction.count("rejected")

        sender = mail.reverse_path if mail is not None else None
        self.server.store.record(write)
