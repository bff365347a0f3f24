"""The role `management`."""

from __future__ import annotations

from backend.config import Settings
from backend.management.server import Server
from backend.role import Role


async def serve(role: Role) -> None:
    """Answer until the word to stop."""
    server = Server(role.settings, role.store)

    def reload(settings: Settings) -> None:
        server.settings = settings

    role.on_reload.append(reload)
    await server.listen()
    await role.stopping.wait()
    await server.close()
