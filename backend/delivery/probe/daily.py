"""The run of each day, done by one process of the site, whichever comes first."""

from __future__ import annotations

import logging
import time

from backend import clock
from backend.config import Settings
from backend.content.alarm import alarm
from backend.delivery.probe import run
from backend.delivery.rounds import rounds
from backend.errors import MailError
from backend.store import probes
from backend.store.database import Store, Transaction

_log = logging.getLogger("delivery")
STALE = 2 * 86_400.0  # seconds without a probe that came to its end
_FIRST = 60.0  # seconds after the start: the SMTP server has its engines by then
_EVERY = 60.0  # seconds between looks at the clock
_TRIES = 4  # of a letter that failed: the server may just be restarting, or an engine
_PAUSE = 60.0  # seconds between them
_DAY = 86_400
_HOUR = 3_600


class Daily:
    """Looks at the clock."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self._store = store

    async def run(self) -> None:
        """For ever."""
        await rounds(self._now, "the probe waits", every=_EVERY, first=_FIRST)

    async def _now(self) -> None:
        try:
            await self.once(time.time())
        except MailError:
            raise
        except Exception:  # of the probe alone: the role has other work
            _log.exception("the probe could not be done")

    async def once(self, now: float) -> bool:
        """Do the run that is due at that time; whether there was one. Temporary when the store does not answer."""
        settings, day = self.settings, int(now) // _DAY
        if not settings.probe.enabled or not settings.listen.smtp:
            return False
        await self._overdue(now)
        if now % _DAY < settings.probe.hour * _HOUR or not await self._store.commit(lambda t: probes.begin(t, day)):
            return False
        found = await run.run(settings, self._store, tries=_TRIES, pause=_PAUSE)

        def keep(transaction: Transaction) -> None:
            found.keep(transaction, settings)
            probes.end(transaction, day)

        await self._store.commit(keep)
        for one in found.found:
            _log.log(
                logging.WARNING if one.wrong else logging.INFO, "probe, %s: %s: %s", one.name, one.outcome, one.words
            )
        return True

    async def _overdue(self, now: float) -> None:
        """Runs that begin and never end are an alert: something kills them."""
        since = await self._store.query(probes.waiting_since)
        if since is not None and now - since >= STALE:
            words = f"None has come to its end since {clock.rfc3339(since)}, though some began."
            await self._store.commit(lambda t: alarm(t, self.settings, "probe", "no end", words))
