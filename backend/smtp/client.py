"""A connection to another mail host: commands out, replies in, time limits, TLS. What is said is up to its user."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import ssl
from dataclasses import dataclass
from typing import Any, cast

from backend.smtp.answers import Answer, Answers, BadAnswer
from backend.tls import failure

_READ_AHEAD = 256 * 1024  # bytes of replies nobody has asked for: more is no mail host


class Lost(Exception):
    """The connection is over, or the other side does not speak SMTP. What was under way is not known to have failed."""


class Refused(Exception):
    """The host does not want us; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


class TlsFailed(Exception):
    """STARTTLS was offered and did not work. `result` is a result type of RFC 8460 §4.3, `reason` in words of ours."""

    def __init__(self, sentence: str, result: str = "validation-failure", reason: str = "") -> None:
        super().__init__(sentence)
        self.result = result
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Times:
    """Time limits in seconds (RFC 5321 §4.5.3.2)."""

    connect: float
    command: float
    data: float


class Client(asyncio.Protocol):
    """One connection. Made by `connect`; `extensions` holds what EHLO offered, by keyword."""

    def __init__(self, name: str, times: Times) -> None:
        self.name = name  # mx.example.net[192.0.2.1]:25
        self.times = times
        self.extensions: dict[str, str] = {}
        self.tls = ""
        self.trust = "none"  # how sure it is: none, opportunistic, encrypted, dane, sts, pkix; whoever made it knows
        self.used = 0  # messages sent
        self.answered = 0  # replies taken
        self._answers = Answers()
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._over: str | None = None
        self._closing = False
        self._transport: asyncio.Transport | None = None

    # -- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of replies."""
        self._answers.feed(data)
        if self._answers.waiting > _READ_AHEAD:
            self.abort("the host says more than it was asked")
        self._wake()

    def eof_received(self) -> bool:
        """The other side hangs up."""
        self._end("the host hung up")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Over."""
        self._end(f"connection lost{f' ({error})' if error else ''}")
        self.resume_writing()

    def pause_writing(self) -> None:
        """The other side reads slowly."""
        self._writable = self._writable or self._loop.create_future()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _end(self, reason: str) -> None:
        self._over = self._over or reason
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- for the one who talks

    @property
    def usable(self) -> bool:
        """Whether another message may go over it: alive, and nothing said out of turn."""
        return self._over is None and not self._answers.waiting

    def write(self, data: bytes) -> None:
        """Send; Lost when there is nobody."""
        if self._over is not None or self._transport is None:
            raise Lost(self._over or "not connected")
        self._transport.write(data)

    async def drain(self, seconds: float) -> None:
        """Wait until the other side has read enough; Lost when it does not."""
        while self._writable is not None and self._over is None:
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.shield(self._writable)
            except TimeoutError:
                raise Lost("the host stopped reading") from None

    async def answer(self, seconds: float | None = None) -> Answer:
        """The next reply; Lost when none comes within `seconds`."""
        if self._closing:
            raise Lost(self._over or "closing")
        end = self._loop.time() + (self.times.command if seconds is None else seconds)
        while True:
            try:
                found = self._answers.next()
            except BadAnswer as error:
                self.abort()
                raise Lost(str(error)) from None
            if found is not None:
                self.answered += 1
                if found.code == 421:  # RFC 5321 §3.8: closing, whatever was asked; what may follow means nothing
                    self._closing = True
                    self._end(found.text)
                return found
            if self._over is not None:
                raise Lost(self._over)
            if self._loop.time() >= end:
                self.abort()
                raise Lost("no reply in time")
            self._waiter = self._loop.create_future()
            timer = self._loop.call_at(end, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None

    async def command(self, line: str, seconds: float | None = None) -> Answer:
        """One command and its reply."""
        self.write(line.encode() + b"\r\n")
        return await self.answer(seconds)

    async def hello(self, hostname: str) -> str:
        """EHLO, or HELO for a host that knows no better; the name that the host goes by. Refused."""
        answer = await self.command(f"EHLO {hostname}")
        self.extensions = {}
        if answer.good:
            for line in answer.lines[1:]:
                keyword, _, words = line.partition(" ")
                self.extensions[keyword.upper()] = words
        elif answer.code != 421:
            answer = await self.command(f"HELO {hostname}")
        if not answer.good:
            raise Refused(answer)
        return answer.lines[0].partition(" ")[0].lower()

    async def start_tls(self, context: ssl.SSLContext, hostname: str) -> None:
        """STARTTLS; TlsFailed: the host says no, or the handshake fails, and this connection is of no use any more."""
        try:
            answer = await self.command("STARTTLS")
        except Lost as error:
            raise TlsFailed(str(error), reason="no reply to STARTTLS") from error
        if answer.code != 220:
            raise TlsFailed(answer.text, "starttls-not-supported", f"STARTTLS was answered with {answer.code}")
        if self._answers.waiting:  # plain text behind the 220 is somebody else's (RFC 3207 §5)
            self.abort()
            raise TlsFailed("plain text after STARTTLS", reason="plain text after STARTTLS")
        assert self._transport is not None
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                context,
                server_hostname=hostname,
                ssl_handshake_timeout=self.times.connect,
            )
        except (OSError, ssl.SSLError, TimeoutError, ValueError) as error:
            self.abort()
            raise TlsFailed(str(error) or type(error).__name__, *failure(error)) from error
        if transport is None or self._over is not None:
            raise TlsFailed(self._over or "the host went away", reason="the connection broke")
        self._transport = transport
        self._note_tls()

    def _note_tls(self) -> None:
        cipher: Any = self._transport.get_extra_info("cipher") if self._transport is not None else None
        self.tls = f"{cipher[1]} {cipher[0]}" if cipher else ""

    def chain(self) -> list[bytes]:
        """The certificates that the host showed, as DER, its own first; whether they are good is another question."""
        shown: Any = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        if shown is None:
            return []
        if hasattr(shown, "get_unverified_chain"):  # Python 3.13
            return [bytes(one) for one in shown.get_unverified_chain() or ()]
        inner = shown._sslobj.get_unverified_chain() or ()  # 3.10 to 3.12 have it, and no name for it
        return [one.public_bytes(ssl._ssl.ENCODING_DER) for one in inner]  # type: ignore[attr-defined]

    @property
    def verified(self) -> bool:
        """Whether the host is known to be the one that is meant."""
        return self.trust in ("dane", "sts", "pkix")

    @property
    def local(self) -> str:
        """The address that we send from."""
        name: Any = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return str(name[0]) if name else ""

    async def login(self, user: str, password: str) -> None:
        """AUTH PLAIN or LOGIN (RFC 4954). Refused."""
        offered = self.extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered or "LOGIN" not in offered:
            secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            answer = await self.command(f"AUTH PLAIN {secret}")
        else:
            answer = await self.command("AUTH LOGIN")
            for word in (user, password):
                if answer.code == 334:
                    answer = await self.command(base64.b64encode(word.encode()).decode())
        if answer.code != 235:
            raise Refused(answer)

    async def quit(self) -> None:
        """Say goodbye, without waiting for long."""
        if self._over is None:
            with contextlib.suppress(Lost):
                await self.command("QUIT", 2.0)
        self.abort()

    def abort(self, reason: str = "hung up") -> None:
        """Hang up at once."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()


async def connect(
    address: str,
    port: int,
    name: str,
    times: Times,
    *,
    source: str = "",
    tls: ssl.SSLContext | None = None,
    hostname: str | None = None,
) -> Client:
    """A connection that the host has greeted. `tls`: from the first byte. Lost, or Refused when it greets with no."""
    loop = asyncio.get_running_loop()
    client = Client(f"{name}[{address}]:{port}", times)
    try:
        async with asyncio.timeout(times.connect):
            await loop.create_connection(
                lambda: client,
                address,
                port,
                local_addr=(source, 0) if source else None,
                ssl=tls,
                server_hostname=hostname if tls is not None else None,
            )
    except TimeoutError:
        raise Lost("no connection in time") from None
    except ssl.SSLError as error:
        raise Lost(f"TLS failed: {error}") from None
    except OSError as error:
        raise Lost(os.strerror(error.errno) if error.errno else str(error)) from None
    except (OverflowError, ValueError) as error:
        raise Lost(str(error)) from None
    client._note_tls()
    try:
        greeting = await client.answer()
    except BaseException:
        client.abort()
        raise
    if greeting.code != 220:
        await client.quit()
        raise Refused(greeting)
    return client
