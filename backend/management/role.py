"""The role `management`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from backend.management.server import Server
from backend.role import Role
from backend.store import anchor

_ANCHORED = 3_600.0  # seconds between two lines with the anchor of the audit log: what a thief of rows can undo unseen
_log = logging.getLogger("audit")


async def serve(role: Role) -> None:
    """Answer until the word to stop."""
    server = Server(role.settings, role.store)
    role.on_reload.append(server.reload)
    await server.listen()
    telling = asyncio.create_task(witness(role.settings.site.data))
    await role.stopping.wait()
    telling.cancel()
    await server.close()


async def witness(folder: Path) -> None:
    """Say once an hour what the newest row of the audit log is: a log that goes to another host proves it later."""
    while True:
        if (newest := anchor.read(folder)) is not None:
            with contextlib.suppress(OSError):  # the next hour will do
                await asyncio.to_thread(anchor.sync, folder)
            _log.info("the audit log ends with row %s", newest)
        await asyncio.sleep(_ANCHORED)
