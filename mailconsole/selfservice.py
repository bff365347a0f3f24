"""What a mail account gets that logs in by SSH with its password, a one-time one too: another password, and the one
command `junk on`, `off` or `site`.

Both over the channel itself, without a child: there is nothing else to do and nothing to show.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramiko import Channel

from backend import ids, logs
from backend.accounts.passwords import SHORTEST
from backend.errors import BadInput, MailError

if TYPE_CHECKING:
    from mailconsole.ssh.gate import Identity
    from mailconsole.ssh.server import Server
    from mailconsole.ssh.terminal import Terminal

_log = logging.getLogger("ssh")
_LONGEST = 1_024  # bytes of a line
_TRIES = 3
_TICK = 0.5  # seconds between looks whether the dialog shall end
_TIME = 300  # seconds for all of it
_JUNK = {
    "on": "Mail that is marked as spam goes to Junk from now on.",
    "off": "Mail that is marked as spam goes to INBOX from now on.",
    "site": "Mail that is marked as spam goes where the site says from now on.",
}
_ENTER, _ERASE, _CLEAR, _LEAVE = b"\r\n", b"\x7f\x08", b"\x15", b"\x03\x04"


@dataclass(frozen=True, slots=True)
class Account:
    """A mail account that has logged in. `peer`: its IP."""

    address: str
    password: str = field(repr=False)
    peer: str = ""


class Left(Exception):
    """Ctrl-C, Ctrl-D, the end of the line, or of the time."""


class Dialog:
    """Lines that are typed and never shown. `received` gives bytes as they come, `send` takes some."""

    def __init__(self, received: Iterator[bytes], send: Callable[[bytes], object]) -> None:
        self._typed = (bytes([byte]) for block in received for byte in block)
        self._send = send

    def say(self, sentence: str) -> None:
        """A line of ours."""
        self._send(sentence.encode() + b"\r\n")

    def secret(self, question: str) -> str:
        """What is typed until Enter. Left; BadInput for what is no text."""
        self._send(question.encode())
        line = bytearray()
        for byte in self._typed:
            if byte in _ENTER:
                self._send(b"\r\n")
                return _text(bytes(line))
            if byte in _LEAVE:
                break
            if byte in _CLEAR:
                line.clear()
            elif byte in _ERASE:
                _erase(line)
            elif len(line) < _LONGEST:
                line += byte
        raise Left

    def change(self, address: str, change: Callable[[str], None]) -> bool:
        """Have a new password chosen and hand it to `change`. Whether that was done. Left; MailError of `change`."""
        self.say(f"Here {address} gets another password. It has at least {SHORTEST} characters; they are not shown.")
        for _ in range(_TRIES):
            try:
                new = self.secret("New password: ")
                if self.secret("Once more: ") != new:
                    raise BadInput("The two are not the same.")
                change(new)
            except BadInput as error:
                self.say(str(error))
                continue
            self.say("Changed. Use the new password everywhere from now on, in your mail program too.")
            return True
        self.say("Nothing was changed. Log in again to try once more.")
        return False


def _erase(line: bytearray) -> None:
    """Take the last character away, all of its bytes."""
    while line and line.pop() & 0b1100_0000 == 0b1000_0000:
        pass


def _text(line: bytes) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise BadInput("That is not UTF-8.") from None
    if not text.isprintable():
        raise BadInput("There is a key in it that is no character, an arrow perhaps.")
    return text


@dataclass(eq=False)
class SelfService:
    """One account's session, as the SSH server counts and ends them; in a thread of its own."""

    server: Server
    identity: Identity
    channel: Channel
    terminal: Terminal
    kind: str
    line: str  # its command
    account: Account
    id: str = field(default_factory=lambda: ids.text(ids.new()))
    touched: float = field(default_factory=time.monotonic)
    reason: str = ""
    over: bool = False

    def start(self) -> None:
        """Begin; does not wait."""
        threading.Thread(target=self._run, name=f"session {self.id}", daemon=True).start()

    def end(self, reason: str) -> None:
        """End soon, and tell the client why."""
        self.reason = self.reason or reason

    def resized(self) -> None:
        """It draws nothing."""

    def _run(self) -> None:
        fields = logs.fields(session=self.id, account=self.account.address)
        code = 1
        self.channel.settimeout(_TICK)
        try:
            self.server.sessions.add(self)
            code = self._serve()
        except MailError as error:
            code = error.exit_code
            self._say(str(error))
        except Left:
            self._say(self.reason or "Nothing was changed.")
        except OSError as error:  # the channel is closed
            _log.info("session broke off: %s", error, extra=fields)
        except Exception:
            _log.exception("self-service failed", extra=fields)
            self._say("Something went wrong in the service. Tell the help desk.")
            code = 70
        finally:
            self.over = True
            self.server.sessions.remove(self)
            with contextlib.suppress(OSError):
                self.channel.send_exit_status(code)
                self.channel.close()

    def _serve(self) -> int:
        account, gate = self.account, self.server.gate
        word, _, choice = self.line.strip().partition(" ")
        if self.kind == "command" and word == "junk":
            gate.account_junk(account.address, account.password, choice.strip(), account.peer)
            self._say(_JUNK[choice.strip()])
            return 0
        if not self.terminal.term or self.kind != "console":
            raise BadInput(
                "A mail account can change its password here, at a terminal and with no command,"
                " or say where its spam goes: junk on, junk off, junk site."
            )

        def change(new: str) -> None:
            gate.account_password(account.address, account.password, new, account.peer)

        done = Dialog(self._received(), self.channel.sendall).change(account.address, change)
        return 0 if done else 1

    def _received(self) -> Iterator[bytes]:
        begun = time.monotonic()
        while not self.reason and time.monotonic() - begun < _TIME:
            with contextlib.suppress(TimeoutError):
                if not (block := self.channel.recv(_LONGEST)):
                    return
                self.touched = time.monotonic()
                yield block

    def _say(self, sentence: str) -> None:
        with contextlib.suppress(OSError):
            if self.terminal.term:
                self.channel.sendall(f"\r\n{sentence}\r\n".encode())
            else:
                self.channel.sendall_stderr(f"{sentence}\n".encode())
