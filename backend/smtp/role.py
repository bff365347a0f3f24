"""The role `smtp`: one worker of the server."""

from __future__ import annotations

from backend import tls
from backend.config import Settings
from backend.delivery.wake import Wake
from backend.role import Role
from backend.smtp.server import Server


async def serve(role: Role) -> None:
    """Serve until the word to stop, then drain."""
    settings = role.settings
    server = Server(settings, role.store, tls.server_context(settings.tls), Wake(settings.site.run).ring, role.slot)

    def reload(new: Settings) -> None:
        server.reload(new, tls.server_context(new.tls))

    role.on_reload.append(reload)
    await server.listen(role.listeners)
    await role.stopping.wait()
    await server.close()
