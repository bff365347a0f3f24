"""The points from which on a message is spam, as a worker asks for it with each message: set in the service, or the
file's. A change counts with the next message: that something has changed is read from shared memory.
"""

from __future__ import annotations

from backend.store import overrides
from backend.store.database import Store


class Threshold:
    """The one in force."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._generation = 0
        self._here: overrides.Override | None = None

    async def now(self, of_file: float) -> float:
        """The points; `of_file` when nobody has set others. Temporary when the store cannot be read."""
        number = self._store.generation.number
        if number != self._generation:
            self._here = await self._store.query(lambda reader: overrides.get(reader, overrides.SPAM_THRESHOLD))
            self._generation = number
        return of_file if self._here is None else float(self._here.value)
