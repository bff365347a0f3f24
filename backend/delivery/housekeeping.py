"""What has to go: old events, old figures, files that a dead process left. In small pieces, so that nobody waits."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from backend.config import Settings
from backend.delivery.rounds import rounds
from backend.store import (
    alerts,
    bodies,
    deletions,
    dmarc_reports,
    dmarc_results,
    findings,
    greylist,
    lockouts,
    logins,
    probes,
    quarantine,
    sending,
    spam_reports,
    spam_scores,
    statistics,
    tls_received,
    tls_results,
    trace,
    vacations,
    webhooks,
)
from backend.store.database import Store

_EVERY = 3_600.0  # seconds
_FIRST = 60.0  # after the start
_LEFTOVER = 86_400.0  # seconds after which a file without a message is nobody's
_PIECE = 1_000  # events
_ANSWERS = 32 * 86_400.0  # seconds that it is remembered whom a vacation answered: longer than any asks for
_FAILURES = 86_400.0  # seconds after which failed log-ins count no more
_DAY = 86_400  # seconds
_PROBES = 400 * _DAY  # seconds that the findings of probes are kept: a year, and time to look back at it
_EVENTS = 30 * _DAY  # and what became of events for the webhook
_DOMAINS = 1_000  # kept by name of each value that a check finds on a day
_BREATH = 0.05  # seconds between pieces


class Housekeeping:
    """Once an hour."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self._store = store

    async def run(self) -> None:
        """For ever."""
        await rounds(self.once, "housekeeping waits for the next hour", every=_EVERY, first=_FIRST)

    async def _forget_tls(self, before: float) -> None:
        """Results of TLS, and what others report of it."""
        gone = _PIECE
        while gone >= _PIECE:
            gone = await self._store.commit(lambda t: tls_results.forget(t, int(before) // _DAY, _PIECE))
            gone = max(gone, await self._store.commit(lambda t: tls_received.forget(t, before, _PIECE)))
            await asyncio.sleep(_BREATH)

    async def once(self) -> None:
        """One round."""
        now, keep = time.time(), self.settings.trace
        gone = _PIECE
        while gone >= _PIECE // 2:
            gone = await self._store.commit(lambda t: trace.forget(t, now - keep.keep_days * 86_400, _PIECE))
            await asyncio.sleep(_BREATH)
        gone = _PIECE
        while gone >= _PIECE:
            gone = await self._store.commit(lambda t: logins.forget(t, now - keep.keep_days * 86_400, _PIECE))
            await asyncio.sleep(_BREATH)
        await self._store.commit(lambda t: lockouts.forget(t, now - _FAILURES))
        more = True
        while more:
            more = await self._store.commit(deletions.purge)
            await asyncio.sleep(_BREATH)
        await self._store.commit(sending.forget)
        await self._forget_spam(now)
        await self._forget_greylist(now)
        more = True
        while more:
            more = await self._store.commit(quarantine.forget)
            await asyncio.sleep(_BREATH)
        await self._store.commit(lambda t: alerts.forget(t, now - keep.statistics_days * 86_400))
        await self._store.commit(probes.sweep_old)
        await self._store.commit(lambda t: probes.forget(t, now - _PROBES))
        await self._store.commit(lambda t: webhooks.forget(t, now - _EVENTS))
        await self._store.commit(lambda t: vacations.forget(t, now - _ANSWERS))
        await self._store.commit(lambda t: statistics.forget(t, now - keep.statistics_days * 86_400))
        await self._forget_tls(now - self.settings.outbound.report_days * _DAY)
        await self._figures(now)
        for number in range(256):
            await self._store.commit(partial(bodies.sweep, older_than=_LEFTOVER, part=f"{number:02x}"))
            await asyncio.sleep(_BREATH)

    async def _forget_spam(self, now: float) -> None:
        """What messages scored, and what people said of it."""
        wanted = self.settings.spam
        before, gone = now - wanted.keep_days * _DAY, _PIECE
        while gone >= _PIECE:
            gone = await self._store.commit(lambda t: spam_scores.forget(t, before, wanted.keep_scores, _PIECE))
            await asyncio.sleep(_BREATH)
        reports_end = now - self.settings.trace.statistics_days * _DAY
        await self._store.commit(lambda t: spam_reports.forget(t, reports_end))

    async def _forget_greylist(self, now: float) -> None:
        wanted = self.settings.greylist
        retry, keep = now - wanted.retry_hours * 3_600, now - wanted.keep_days * 86_400
        gone = _PIECE
        while gone >= _PIECE:
            gone = await self._store.commit(lambda t: greylist.forget(t, retry, keep, _PIECE))

    async def _figures(self, now: float) -> None:
        """What checks found, and DMARC reports."""
        statistics_end, reports_end = (
            now - days * 86_400 for days in (self.settings.trace.statistics_days, self.settings.dmarc.keep_days)
        )
        await self._store.commit(lambda t: findings.trim(t, _DOMAINS))
        await self._store.commit(lambda t: findings.forget(t, statistics_end))
        await self._store.commit(lambda t: dmarc_results.forget(t, reports_end))
        gone = 1
        while gone:
            gone = await self._store.commit(lambda t: dmarc_reports.forget(t, reports_end))
            await asyncio.sleep(_BREATH)
