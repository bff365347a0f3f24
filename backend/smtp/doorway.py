"""A port with TLS from the first byte (RFC 8314). Clients count from before their handshake: anybody can begin one."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

from backend.smtp.dialogue import Dialogue

if TYPE_CHECKING:
    from backend.smtp.server import Server

_log = logging.getLogger("smtp")
_PAUSE = 0.5  # seconds after a client could not be taken in: file descriptors are short


class Doorway:
    """Takes clients from one listening socket, shakes hands, and leaves them to their dialogue."""

    def __init__(self, server: Server, listener: socket.socket) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._tasks = {self._loop.create_task(self._take_in(listener))}

    def close(self) -> None:
        """Take nobody in any more; handshakes under way are over."""
        for task in self._tasks:
            task.cancel()

    async def _take_in(self, listener: socket.socket) -> None:
        while True:
            try:
                client, address = await self._loop.sock_accept(listener)
            except OSError as error:
                _log.error("a client could not be taken in: %s", error)
                await asyncio.sleep(_PAUSE)
                continue
            task = self._loop.create_task(self._shake_hands(client, address[0]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _shake_hands(self, client: socket.socket, peer: str) -> None:
        server = self._server
        dialogue = Dialogue(server, "submissions")
        if dialogue.enter(peer, client.getsockname()[0]) is not None:
            client.close()
            return
        seconds = server.services.settings.limits.tls_timeout
        try:
            await self._loop.connect_accepted_socket(
                lambda: dialogue, client, ssl=server.tls, ssl_handshake_timeout=seconds
            )
        except (OSError, TimeoutError) as error:  # not TLS, no common cipher, or too slow
            dialogue.failed(error)
        finally:
            if not dialogue.connected:
                server.leave(dialogue, dialogue.session.network)
