"""The points from which on a message is spam, as a worker asks for it with each message: set in the service, or the
file's. A change counts with the next message: that something has changed is read from shared memory.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from backend.config import Settings
from backend.errors import MailError
from backend.store import overrides
from backend.store.database import Store

_log = logging.getLogger("spam")


class Threshold:
    """Puts the one in force into the settings by which a message is marked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._generation = 0
        self._here: float | None = None
        self._made: tuple[Settings, Settings] | None = None  # what settings became, as long as neither has changed

    async def over(self, settings: Settings) -> Settings:
        """These settings with the threshold in force. When the store cannot be read, with the last one known."""
        number = self._store.generation.number
        if number != self._generation:
            try:
                found = await self._store.query(lambda reader: overrides.get(reader, overrides.SPAM_THRESHOLD))
            except MailError as error:
                _log.warning("the threshold set here cannot be read, going on with the last one known: %s", error)
            else:
                self._here = None if found is None else float(found.value)
                self._generation, self._made = number, None
        if self._here is None:
            return settings
        if self._made is None or self._made[0] is not settings:
            self._made = settings, replace(settings, spam=replace(settings.spam, threshold=self._here))
        return self._made[1]
