"""The SSH connection to a mail host, and sockets that lead through it to its management service."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from paramiko import Channel, SSHException, Transport

from backend.errors import Denied, Permanent
from backend.management.client import Client, NotRunning
from mailconsole.remote.hosts import Ask, KnownHosts
from mailconsole.remote.keys import Keys, Prompt
from mailconsole.remote.login import Login
from mailconsole.remote.target import Target

_REACH = 15.0  # seconds to reach the host, and for each step of the handshake
_ALIVE = 10  # seconds between signs of life
_GONE = 20_000  # milliseconds that they may go without an answer of TCP
_BLOCK = 32_768
_COMMAND = "contract"


class Tunnel:
    """One host. `say` gets what the host has to say beside the contract. Used from one thread at a time."""

    def __init__(self, target: Target, say: Callable[[str], None]) -> None:
        self._target = target
        self._keys = Keys(target)
        self._hosts = KnownHosts(target)
        self._transport: Transport | None = None
        self.say = say

    def open(self, prompt: Prompt | None, ask: Ask | None) -> None:
        """Connect and log in. NotRunning when nobody is there, Denied, Permanent."""
        transport = self._reached()
        try:
            transport.start_client(timeout=_REACH)
            self._hosts.check(transport.get_remote_server_key(), ask)
            Login(transport, self._target, self._keys, prompt).run()
        except (SSHException, EOFError, OSError) as error:
            transport.close()
            raise NotRunning(f"{self._target} broke off: {error or 'it hung up'}.") from error
        except BaseException:
            transport.close()
            raise
        transport.set_keepalive(_ALIVE)
        self._transport = transport

    def _reached(self) -> Transport:
        target = self._target
        try:
            connection = socket.create_connection((target.host, target.port), _REACH)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise NotRunning(f"Nobody answers at {target}: {reason}.") from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE)
        transport = Transport(connection)
        transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = _REACH
        options = transport.get_security_options()
        if known := self._hosts.kinds():  # what can be checked first
            same = [kind for kind in options.key_types if _kind(kind) in known]
            options.key_types = (*same, *(kind for kind in options.key_types if kind not in same))
        return transport

    def connection(self) -> socket.socket:
        """A new socket that leads to the host's management service. NotRunning when the SSH connection is over."""
        try:
            if self._transport is None or not self._transport.is_active():
                raise NotRunning(f"The connection to {self._target} is over.")
            channel = self._transport.open_session(timeout=_REACH)
            channel.exec_command(_COMMAND)
        except (SSHException, EOFError, OSError) as error:
            raise NotRunning(f"{self._target} opens no session: {error or 'it hung up'}.") from error
        near, far = socket.socketpair()
        for work in (_from_host, _to_host, self._beside):
            threading.Thread(target=work, args=[channel, far], daemon=True).start()
        return near

    async def connect(self) -> Client:
        """For a console: the same, and the SSH connection is made again when it is over, as far as keys do."""
        return await Client.over(await asyncio.to_thread(self._again))

    def _again(self) -> socket.socket:
        if self._transport is None or not self._transport.is_active():
            try:
                self.open(prompt=None, ask=None)
            except NotRunning:
                raise
            except (Denied, Permanent) as error:
                raise NotRunning(str(error)) from error
        return self.connection()

    def _beside(self, channel: Channel, far: socket.socket) -> None:
        with contextlib.suppress(OSError), channel.makefile_stderr("r") as lines:
            for line in lines:
                self.say(line.strip())

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def _kind(algorithm: str) -> str:
    """The type of the key that an algorithm signs with: RFC 8332."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def _from_host(channel: Channel, far: socket.socket) -> None:
    """What the service says, until there is no more."""
    with contextlib.suppress(OSError):
        while block := channel.recv(_BLOCK):
            far.sendall(block)
    with contextlib.suppress(OSError):
        far.shutdown(socket.SHUT_RDWR)
    channel.close()


def _to_host(channel: Channel, far: socket.socket) -> None:
    """What we say, until we have hung up."""
    with far, contextlib.suppress(OSError):
        while block := far.recv(_BLOCK):
            channel.sendall(block)
    channel.close()
