"""What a role of the service is handed: settings that may be reloaded, the store, its sockets, the word to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from backend.config import Settings
from backend.store.database import Store


@dataclass(slots=True)
class Role:
    """One role process. A role is a coroutine that takes this and returns once `stopping` is set and it has drained."""

    name: str
    settings: Settings
    store: Store
    listeners: Mapping[str, Sequence[socket.socket]]  # by the name of the port: smtp, submission, submissions
    slot: int = 0  # its number among the processes of the role
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    on_reload: list[Callable[[Settings], None]] = field(default_factory=list)  # called with the new settings on SIGHUP


Serve = Callable[[Role], Awaitable[None]]
