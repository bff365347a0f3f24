"""Work that is looked for now and then, as long as the role runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from backend.errors import MailError

_log = logging.getLogger("delivery")


async def rounds(
    work: Callable[[], Awaitable[object]], waits: str, *, every: float, first: float = 0.0, pause: float = 0.0
) -> None:
    """For ever: `work`, each `every` seconds, for the first time after `first`. When it cannot be done now, `waits`
    says so in the log, and the next round comes `pause` seconds later; what is wrong for good ends the role.
    """
    await asyncio.sleep(first)
    while True:
        try:
            await work()
        except MailError as error:
            _log.error("%s: %s", waits, error)
            await asyncio.sleep(pause)
        await asyncio.sleep(every)
