"""What a client may ask of a channel, RFC 4254: a terminal, a shell, a command, and nothing else.

Forwarding of ports, X11 and the agent, and subsystems such as sftp, are refused by what paramiko does by default.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from paramiko import Channel
from paramiko.common import OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED

from backend.limits import Limits
from mailconsole.selfservice import SelfService
from mailconsole.ssh.authentication import Authentication
from mailconsole.ssh.gate import Gate
from mailconsole.ssh.session import COMMAND, CONSOLE, CONTRACT, Session
from mailconsole.ssh.terminal import Terminal

Begin = Callable[[Channel, Terminal, str, str], Session | SelfService | None]


class Channels(Authentication):
    """One client's channels. `begin` starts a session; None when it may not."""

    def __init__(self, gate: Gate, address: str, peer: str, limits: Limits, self_service: bool, begin: Begin) -> None:
        super().__init__(gate, address, peer, limits.ssh_login_tries, self_service)
        self._most = limits.ssh_channels
        self._begin = begin
        self._lock = threading.Lock()
        self._terminals: dict[int, Terminal] = {}
        self._sessions: dict[int, Session | SelfService] = {}

    @property
    def busy(self) -> bool:
        """Whether anything runs."""
        return any(not session.over for session in self._sessions.values())

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions, and not too many at once."""
        for number in [number for number, session in self._sessions.items() if session.over]:
            self._sessions.pop(number)
            self._terminals.pop(number, None)
        if kind != "session" or len(self._terminals) >= self._most:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        self._terminals[chanid] = Terminal()
        return OPEN_SUCCEEDED

    def check_channel_pty_request(
        self, channel: Channel, term: bytes, width: int, height: int, pixelwidth: int, pixelheight: int, modes: bytes
    ) -> bool:
        """The client has a terminal."""
        terminal = self._terminals[channel.get_id()]
        terminal.name(term)
        terminal.resize(width, height)
        return True

    def check_channel_window_change_request(
        self, channel: Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        """Its window has another size."""
        number = channel.get_id()
        self._terminals[number].resize(width, height)
        if number in self._sessions:
            self._sessions[number].resized()
        return True

    def check_channel_env_request(self, channel: Channel, name: bytes, value: bytes) -> bool:
        """A few variables, see `terminal`."""
        return self._terminals[channel.get_id()].accept(name, value)

    def check_channel_shell_request(self, channel: Channel) -> bool:
        """The console; without a terminal, how to use this."""
        terminal = self._terminals[channel.get_id()]
        return self._start(channel, terminal, CONSOLE) if terminal.term else self._start(channel, terminal, COMMAND)

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        """A command, the console by name, or the contract."""
        terminal = self._terminals[channel.get_id()]
        line = command.decode("utf-8", "surrogateescape")
        match line.strip():
            case "contract":
                return self._start(channel, Terminal(), CONTRACT)
            case "console" if terminal.term:
                return self._start(channel, terminal, CONSOLE)
        return self._start(channel, terminal, COMMAND, line)

    def _start(self, channel: Channel, terminal: Terminal, kind: str, line: str = "") -> bool:
        number = channel.get_id()
        if number in self._sessions:
            return False
        session = self._begin(channel, terminal, kind, line)
        if session is None:
            return False
        self._sessions[number] = session
        session.start()
        return True
