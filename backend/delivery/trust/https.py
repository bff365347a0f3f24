"""A small thing by HTTPS, with a host that need not mean well: one request, no redirects, an end to size and time.

The standard library's client reads the answer, in a thread of its own; whoever waits too long shuts its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from backend import tls

PORT = 443
_THREADS = 8  # answers read at once
_PIECE = 4_096

threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="https")


class NotFetched(Exception):
    """No answer. `untrusted`: for the certificate could not be verified."""

    def __init__(self, reason: str, *, untrusted: bool = False) -> None:
        super().__init__(reason)
        self.untrusted = untrusted


@dataclass(frozen=True, slots=True)
class Reply:
    """What the host said."""

    status: int
    kind: str  # its media type, without parameters, in lower case
    body: bytes


@dataclass(slots=True)
class _Line:
    """The socket of a request, for the one who ends it."""

    socket: socket.socket | None = None
    over: bool = False

    def end(self) -> None:
        self.over = True
        if self.socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)  # TLS may be at work in its thread


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of `host`, which is at one of `addresses`."""

    host: str
    path: str
    addresses: tuple[str, ...]
    context: ssl.SSLContext | None  # None: plain HTTP, where whoever asks knows that it is safe
    port: int = PORT
    most: int = 64 * 1024  # bytes of the answer; RFC 8461 §3.3 suggests 64 KiB for a policy
    method: str = "GET"
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False  # of an answer that is longer the start will do


async def ask(request: Request, seconds: float) -> Reply:
    """The answer; NotFetched when there is none within `seconds`."""
    line = _Line()
    work = asyncio.get_running_loop().run_in_executor(threads, _ask, request, line, seconds)
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.shield(work)
    except TimeoutError:
        line.end()
        raise NotFetched("it took too long") from None
    finally:
        if not work.done():
            line.end()
            work.add_done_callback(lambda done: done.cancelled() or done.exception())


def _ask(request: Request, line: _Line, seconds: float) -> Reply:
    from http.client import HTTPConnection, HTTPException

    try:
        with _connected(request, line, seconds) as plain, _secured(plain, request, line) as secure:
            if line.over:
                raise NotFetched("it took too long")
            http = HTTPConnection(request.host, request.port)
            http.sock = secure
            http.request(request.method, request.path, request.content or None, _headers(request))
            reply = http.getresponse()
            body = bytearray()
            while len(body) <= request.most and (piece := reply.read(_PIECE)):
                body += piece
            if len(body) > request.most and not request.cut:
                raise NotFetched(f"the answer has more than {request.most:,} bytes")
            return Reply(reply.status, _kind(reply.headers.get("Content-Type", "")), bytes(body[: request.most]))
    except ssl.SSLCertVerificationError as error:
        raise NotFetched(tls.failure(error)[1], untrusted=True) from None
    except (HTTPException, OSError, ValueError) as error:
        raise NotFetched(_words(error)) from None


def _secured(plain: socket.socket, request: Request, line: _Line) -> socket.socket:
    """The socket by TLS, if it is to be."""
    if request.context is None:
        return plain
    secure = request.context.wrap_socket(plain, server_hostname=request.host, do_handshake_on_connect=False)
    line.socket = secure
    try:
        secure.do_handshake()
    except BaseException:
        secure.close()
        raise
    return secure


def _headers(request: Request) -> dict[str, str]:
    name = f"[{request.host}]" if ":" in request.host else request.host
    host = name if request.port == PORT else f"{name}:{request.port}"
    usual = {"Host": host, "User-Agent": "mailconsole", "Accept-Encoding": "identity", "Connection": "close"}
    return {**usual, **request.headers}


def _connected(request: Request, line: _Line, seconds: float) -> socket.socket:
    failure: OSError = OSError("it has no address")
    for address in request.addresses:
        if line.over:
            raise NotFetched("it took too long")
        try:
            line.socket = socket.create_connection((address, request.port), min(seconds, 10.0))
            line.socket.settimeout(seconds)
        except OSError as error:
            failure = error
        else:
            return line.socket
    raise failure


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()[:100]


def _words(error: BaseException) -> str:
    """Why, in words of our own or of this machine: never of the host."""
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'no handshake'})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError):
        return error.strerror or str(error) if error.errno else "the connection broke"
    return f"the answer is no HTTP ({type(error).__name__})"
