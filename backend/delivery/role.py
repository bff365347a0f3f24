"""The role `delivery`: the queue runner, the notices, the housekeeping."""

from __future__ import annotations

import asyncio

from backend.config import Settings
from backend.delivery.housekeeping import Housekeeping
from backend.delivery.notifier import Notifier
from backend.delivery.runner import Runner
from backend.delivery.wake import Wake
from backend.role import Role


async def serve(role: Role) -> None:
    """Deliver until the word to stop, then finish what is under way."""
    told = asyncio.Event()
    told.set()
    runner = Runner(role.settings, role.store, told)
    notifier = Notifier(role.settings, role.store, told, runner.wake)
    housekeeping = Housekeeping(role.settings, role.store)
    bell = Wake(role.settings.site.run)

    def heard() -> None:
        runner.wake.set()
        told.set()

    def reload(settings: Settings) -> None:
        runner.reload(settings)
        notifier.settings = housekeeping.settings = settings

    role.on_reload.append(reload)
    bell.listen(heard)
    others = [asyncio.create_task(notifier.run(role.stopping)), asyncio.create_task(housekeeping.run())]
    running = asyncio.create_task(runner.run(role.stopping))
    try:
        await asyncio.wait([running, *others], return_when=asyncio.FIRST_COMPLETED)
        for task in (running, *others):
            if task.done():
                task.result()  # one that failed ends the role, and the supervisor starts it anew
        await running
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        bell.close()
