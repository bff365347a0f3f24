"""Takes connections in, within limits, and gives each a thread."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
from collections.abc import Sequence

from paramiko import Ed25519Key

from backend import logs
from backend.config import Settings
from mailconsole.ssh.admission import Admission
from mailconsole.ssh.connection import Connection
from mailconsole.ssh.gate import Gate
from mailconsole.ssh.nursery import Nursery
from mailconsole.ssh.sessions import Sessions

_log = logging.getLogger("ssh")
_PAUSE = 0.2  # seconds, when there is no descriptor left for another connection


class Server:
    """What all connections share."""

    def __init__(self, settings: Settings, listeners: Sequence[socket.socket]) -> None:
        self.settings = settings
        self.key = Ed25519Key.from_private_key_file(str(settings.ssh.host_key))
        self.gate = Gate(settings.site.run / "management.sock")
        self.admission = Admission(settings.limits)
        self.sessions = Sessions(settings)
        self.nursery = Nursery()
        self._listeners = listeners
        self._stopping = threading.Event()

    def start(self) -> None:
        """Load the console, then take connections."""
        self.nursery.start()
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def reload(self, settings: Settings) -> None:
        """Other limits from now on."""
        self.settings = self.sessions.settings = settings
        self.admission.limits = settings.limits

    def close(self, patience: float) -> None:
        """Take no more, and end all sessions."""
        self._stopping.set()
        for listener in self._listeners:
            listener.close()
        self.sessions.end_all("the service stops.", patience)
        self.nursery.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            for listener in self._listeners:
                selector.register(listener, selectors.EVENT_READ)
            while not self._stopping.is_set():
                for key, _ in selector.select(1.0):
                    with contextlib.suppress(BlockingIOError):
                        self._take(key.fileobj)  # type: ignore[arg-type]

    def _take(self, listener: socket.socket) -> None:
        try:
            connection, address = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if not self._stopping.wait(_PAUSE):
                _log.warning("no connection can be taken: %s", error)
            return
        guest = Connection(self, connection, address)
        if self.admission.enter(guest):
            threading.Thread(target=guest.run, name="connection", daemon=True).start()
        else:
            connection.close()
            _log.info("connection refused: too many are open", extra=logs.fields(network=guest.network))
