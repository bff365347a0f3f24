"""The role `management`."""

from __future__ import annotations

from backend.management.server import Server
from backend.role import Role


async def serve(role: Role) -> None:
    """Answer until the word to stop."""
    server = Server(role.settings, role.store)
    role.on_reload.append(server.reload)
    await server.listen()
    await role.stopping.wait()
    await server.close()
