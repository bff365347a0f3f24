"""A name server whose answers have a size: thousands of records would keep a worker and all its clients busy."""

from __future__ import annotations

import socket
from typing import Any

import dns.asyncquery
import dns.exception
import dns.inet
import dns.message
import dns.nameserver
import dns.rdatatype

_LARGEST = 16 * 1024  # bytes of an answer by TCP: some 50 ms of work at the worst; honest ones have some 2,000
_LARGEST_PTR = 4 * 1024  # of one about an address: an honest one has one name, and whoever calls chooses it


class TooLong(dns.exception.FormError):
    """An answer that is too long."""


class Bounded(dns.nameserver.Do53Nameserver):
    """Asked by UDP, and by TCP when the answer is long; one that is too long is no answer."""

    async def async_query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,
        source: str | None,
        source_port: int,
        max_size: bool,
        backend: Any,
        *rest: Any,
        **more: Any,
    ) -> dns.message.Message:
        """As dnspython wants it; `max_size` means TCP. TooLong."""
        if not max_size:
            return await super().async_query(request, timeout, source, source_port, max_size, backend, *rest, **more)
        about_address = request.question[0].rdtype == dns.rdatatype.PTR
        family = dns.inet.af_for_address(self.address)
        stream = await backend.make_socket(family, socket.SOCK_STREAM, 0, None, (self.address, self.port), timeout)
        async with stream:
            bounded: Any = _Stream(stream, _LARGEST_PTR if about_address else _LARGEST)
            return await dns.asyncquery.tcp(request, self.address, timeout=timeout, sock=bounded, backend=backend)


class _Stream:
    """A connection that refuses to read a message that is too long: its length comes first."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream = stream
        self._most = most

    async def recv(self, size: int, timeout: float | None) -> bytes:
        if size > self._most:
            raise TooLong
        received: bytes = await self._stream.recv(size, timeout)
        return received

    async def sendall(self, what: bytes, timeout: float | None) -> None:
        await self._stream.sendall(what, timeout)

    async def getpeername(self) -> Any:
        return await self._stream.getpeername()
