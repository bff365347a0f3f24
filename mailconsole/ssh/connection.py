"""One client's connection: its algorithms, its log-in timer, its end."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from paramiko import Channel, SSHException, Transport
from paramiko.auth_handler import AuthHandler
from paramiko.common import AUTH_SUCCESSFUL

from backend import logs
from mailconsole.selfservice import SelfService
from mailconsole.ssh.admission import network_of
from mailconsole.ssh.channels import Channels
from mailconsole.ssh.session import Session
from mailconsole.ssh.terminal import Terminal

if TYPE_CHECKING:
    from mailconsole.ssh.server import Server

_log = logging.getLogger("ssh")
_BANNER = "SSH-2.0-Mailconsole"
_KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
)
_CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr")
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
_KEEPALIVE = 30  # seconds between signs of life, which also find out that the client has gone
_GONE = 60_000  # milliseconds that sent bytes may stay without an answer of TCP
_WAITING = 30.0  # seconds that a client who has logged in may have nothing open
_TCP_USER_TIMEOUT = 18


class _Handler(AuthHandler):
    """paramiko's, and tells how each attempt really ended: the callbacks cannot know about signatures."""

    transport: _Transport

    def _send_auth_result(self, username: str, method: str, result: int) -> None:
        if not self.transport.channels.settled(method, result):
            self._disconnect_no_more_auth()  # type: ignore[attr-defined]
            return
        super()._send_auth_result(username, method, result)  # type: ignore[misc]
        if result == AUTH_SUCCESSFUL:
            self.transport.progress.set()


class _Transport(Transport):
    """paramiko's, with our handler, and `progress` set at the log-in and at the end."""

    def __init__(self, connection: socket.socket, channels: Channels) -> None:
        super().__init__(connection)
        self.channels = channels
        self.progress = threading.Event()
        self.ended = threading.Event()
        self.local_version = _BANNER
        self.banner_timeout = self.handshake_timeout = self.auth_timeout = 20
        options = self.get_security_options()
        options.kex = [name for name in _KEX if name in options.kex]
        options.ciphers = _CIPHERS
        options.digests = _MACS

    def _parse_newkeys(self, message: Any) -> None:
        if self.auth_handler is None:
            self.auth_handler = _Handler(self)
        super()._parse_newkeys(message)  # type: ignore[misc]

    def run(self) -> None:
        """Until the connection ends."""
        try:
            super().run()
        finally:
            self.ended.set()
            self.progress.set()


class Connection:
    """A guest; `run` in a thread of its own."""

    def __init__(self, server: Server, connection: socket.socket, address: tuple[Any, ...]) -> None:
        host, port = address[0], address[1]
        self.network = network_of(host)
        self._server = server
        self._socket = connection
        self._address = str(host)
        self._peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._inside = False

    def drop(self) -> None:
        """Hang up; does not wait."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        """Until it is over."""
        limits = self._server.settings.limits
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, _GONE)
        channels = Channels(
            self._server.gate,
            self._address,
            self._peer,
            limits,
            self._server.settings.ssh.self_service,
            self._begin,
        )
        self._channels = channels
        transport = _Transport(self._socket, channels)
        try:
            transport.add_server_key(self._server.key)
            transport.start_server(event=threading.Event(), server=channels)
            transport.progress.wait(limits.ssh_login_seconds)
            if not (transport.is_authenticated() and self._server.admission.logged_in(self)):
                return
            identity = channels.identity()
            fields = logs.fields(operator=identity.operator, peer=self._peer, key=identity.key or None)
            _log.info("logged in", extra=fields)
            transport.set_keepalive(_KEEPALIVE)
            while not transport.ended.wait(_WAITING):
                if not channels.busy:
                    return
        except (SSHException, OSError, EOFError) as error:
            _log.info("connection broke off: %s", error, extra=logs.fields(peer=self._peer))
        finally:
            self._server.admission.leave(self)
            transport.close()
            self._socket.close()

    def _begin(self, channel: Channel, terminal: Terminal, kind: str, line: str) -> Session | SelfService | None:
        if account := self._channels.account:
            return SelfService(self._server, self._channels.identity(), channel, terminal, kind, line, account)
        return Session(self._server, self._channels.identity(), channel, terminal, kind, line)
