"""A client's socket: bytes into the wire, replies out, time limits, TLS. Knows nothing of SMTP but its framing."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, cast

from backend.smtp.reply import Reply
from backend.smtp.wire import Wire

_READ_AHEAD = 256 * 1024  # bytes that wait to be worked on before the client is held up


class Closed(Exception):
    """The client is gone, or was sent away."""


class TimedOut(Exception):
    """The client sent nothing for too long."""


class Connection(asyncio.Protocol):
    """One connection. `serve` is started as a task when the client is there, and ends with the connection."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reading = True
        self._out: list[bytes] = []
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    async def serve(self) -> None:
        """What is said on this connection."""
        raise NotImplementedError

    @property
    def connected(self) -> bool:
        """Whether the client was ever there."""
        return self._transport is not None

    # -- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there (with TLS from the first byte: the handshake is done)."""
        self._transport = cast(asyncio.Transport, transport)
        self._task = self._loop.create_task(self.serve())

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self.wire.feed(data)
        if self._reading and len(self.wire.buffer) > _READ_AHEAD and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The client will send no more; nobody waits for our reply either."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The client does not read its replies."""
        self._writable = self._writable or self._loop.create_future()

    def resume_writing(self) -> None:
        """It does again."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # -- called by `serve`

    def peer(self) -> tuple[str, int]:
        """Address and port of the client."""
        return self._address("peername")

    def local(self) -> tuple[str, int]:
        """Our address and port."""
        return self._address("sockname")

    def send(self, reply: Reply) -> None:
        """Put a reply behind those that are to be sent together (RFC 2920 §3.1)."""
        self._out.append(reply.encode())

    async def flush(self) -> None:
        """Send what `send` has gathered. Waits for a client that does not read; TimedOut in the end."""
        if self._out and self._transport is not None and not self.closed:
            self._transport.write(b"".join(self._out))
        self._out.clear()
        if self._writable is not None and not self.closed:
            try:
                await asyncio.wait_for(self._writable, 60)
            except TimeoutError:
                raise TimedOut from None

    async def more(self, seconds: float) -> None:
        """Send what there is to send and wait for bytes; TimedOut after `seconds`, Closed when the client is gone."""
        if self._out:
            await self.flush()
        if self.closed:
            raise Closed
        self._due(self._loop.time() + seconds)
        self._waiter = self._loop.create_future()
        if not self._reading and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def start_tls(self, context: ssl.SSLContext, seconds: float) -> str:
        """Forget what came in plain text, shake hands; the TLS version and cipher. Closed when it fails."""
        assert self._transport is not None
        await self.flush()
        self.wire.clear()
        try:
            transport = await self._loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except (OSError, ssl.SSLError, TimeoutError) as error:  # not TLS, no common cipher, or too slow
            self.abort()
            raise Closed(f"TLS failed: {error}") from error
        if transport is None:
            raise Closed("TLS failed: the client went away")
        self._transport = transport
        return self.tls()

    def tls(self) -> str:
        """`TLSv1.3 TLS_AES_256_GCM_SHA384`; empty without TLS."""
        cipher = self._transport.get_extra_info("cipher") if self._transport is not None else None
        return f"{cipher[1]} {cipher[0]}" if cipher else ""

    def interrupt(self) -> None:
        """Make `more` raise TimedOut now: the service stops."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimedOut())

    async def linger(self, seconds: float) -> None:
        """Throw away what still comes, so that the client can read the last reply before the connection is reset."""
        end = self._loop.time() + seconds
        try:
            while (left := end - self._loop.time()) > 0:
                self.wire.clear()
                await self.more(left)
        except (Closed, TimedOut):
            pass

    def close(self) -> None:
        """Send the rest and hang up."""
        if self._transport is not None:
            if self._out and not self.closed:
                self._transport.write(b"".join(self._out))
            self._out.clear()
            self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- inside

    def _address(self, name: str) -> tuple[str, int]:
        found: Any = self._transport.get_extra_info(name) if self._transport is not None else None
        return (found[0], found[1]) if found else ("0.0.0.0", 0)  # noqa: S104  the client left before it was seen

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            if self.closed:
                self._waiter.set_exception(Closed())
            else:
                self._waiter.set_result(None)

    def _due(self, deadline: float) -> None:
        """One timer a connection: moved only when it would ring too late, looked at again when it rings too early."""
        self._deadline = deadline
        if self._timer is None or self._timer.when() > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self.closed or self._waiter is None:
            return
        if self._loop.time() + 0.001 < self._deadline:
            self._due(self._deadline)
        elif not self._waiter.done():
            self._waiter.set_exception(TimedOut())
