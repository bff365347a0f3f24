"""A worker of the SMTP server: what all its clients share, and the sockets it listens on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from backend.accounts.directory import Directory
from backend.accounts.login import Logins
from backend.config import Settings
from backend.policy import services
from backend.policy.connections import Connections
from backend.policy.list_questions import ListQuestions
from backend.resolver.lookups import Lookups
from backend.resolver.resolver import Resolver
from backend.smtp.dialogue import Dialogue
from backend.smtp.doorway import Doorway
from backend.smtp.reply import Reply
from backend.smtp.session import Port
from backend.store.database import Store

_log = logging.getLogger("smtp")
_PLAIN: tuple[Port, ...] = ("smtp", "submission")  # these may say STARTTLS
_DRAIN = 15.0  # seconds that clients in the middle of a message have when the service stops


class Server:
    """One worker. `wake` tells the delivery role that there is something to deliver."""

    def __init__(
        self, settings: Settings, store: Store, tls: ssl.SSLContext, wake: Callable[[], None], worker: int = 0
    ) -> None:
        self.store = store
        self.tls = tls
        self.wake = wake
        self.stopping = False
        self.logins = Logins(store, settings.limits)
        self.services = services.build(settings, store)
        self._connections = Connections(settings.site.run, worker)
        self._dialogues: set[Dialogue] = set()
        self._doors: list[asyncio.Server | Doorway] = []
        self._gone = asyncio.Event()

    async def listen(self, listeners: Mapping[str, Sequence[socket.socket]]) -> None:
        """Take clients on these sockets."""
        loop = asyncio.get_running_loop()
        for port in _PLAIN:
            for listener in listeners.get(port, ()):
                self._doors.append(await loop.create_server(partial(Dialogue, self, port), sock=listener))
        for listener in listeners.get("submissions", ()):
            self._doors.append(Doorway(self, listener))

    def reload(self, settings: Settings, tls: ssl.SSLContext) -> None:
        """Go on with other settings; sessions that are under way see them too."""
        self.tls = tls
        self.logins.limits = settings.limits
        resolver = self.services.resolver if settings.dns == self.services.settings.dns else Resolver(settings.dns)
        if self.services.antivirus is not None:
            self.services.antivirus.reload(settings)
        lists = ListQuestions(settings, self.services.standing, self.services.tally)
        directory = Directory(self.store, settings)
        self.services = replace(self.services, settings=settings, directory=directory, resolver=resolver, lists=lists)

    def lookups(self) -> Lookups:
        """What a new message may ask the DNS."""
        dns = self.services.settings.dns
        return Lookups(self.services.resolver, dns.message_questions, dns.message_seconds)

    async def close(self) -> None:
        """Take nobody in any more, let those in a message finish, then hang up."""
        self.stopping = True
        for door in self._doors:
            door.close()
        for dialogue in list(self._dialogues):
            dialogue.stop()
        await self._empty(_DRAIN)
        for dialogue in list(self._dialogues):
            dialogue.abort()
        await self._empty(2.0)
        self.services.access.flush()
        self.services.tally.flush()
        self.logins.close()
        if self.services.antivirus is not None:
            self.services.antivirus.close()
        self._connections.close()
        self.services.counters.close()

    async def _empty(self, seconds: float) -> None:
        """Wait until the last client is gone, at most that long."""
        if self._dialogues:
            self._gone.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), seconds)

    def enter(self, dialogue: Dialogue, network: str) -> Reply | None:
        """Count a client in; the reply that sends it away when there are too many."""
        limits = self.services.settings.limits
        if self.stopping:
            return Reply(421, "4.3.2", "The service is restarting; try again in a minute")
        match self._connections.enter(network, limits.connections, limits.connections_per_ip):
            case "all":
                return Reply(421, "4.3.2", "Too many connections; try again in a minute")
            case "address":
                return Reply(421, "4.7.0", f"Too many connections from {network} (at most {limits.connections_per_ip})")
        self._dialogues.add(dialogue)
        return None

    def leave(self, dialogue: Dialogue, network: str) -> None:
        """Count it out."""
        self._dialogues.discard(dialogue)
        if not self._dialogues:
            self._gone.set()
        self._connections.leave(network)
