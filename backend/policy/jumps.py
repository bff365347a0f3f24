"""An account that suddenly writes to far more recipients than is usual for it: it is slowed down and reported.

It is never cut off: what waits can be let go on by a person, and a stolen password does little harm meanwhile.
"""

from __future__ import annotations

import logging

from backend import logs
from backend.policy.check import Check, Services, Stage, Verdict, defer
from backend.smtp.session import Session
from backend.store import sending
from backend.store.accounts import Account

_KEPT = 600.0  # seconds that an account's usual day is remembered
_MOST = 10_000  # accounts remembered
_log = logging.getLogger("policy")


class Jumps:
    """Compares the last 24 hours of an account with its usual day."""

    name = "jumps"
    stage: Stage = "rcpt"

    def __init__(self) -> None:
        self._usual: dict[int, tuple[float, float]] = {}  # account -> until when it is remembered, recipients a day

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """450 4.7.1 for an account that is slowed down and has sent what it may; every other recipient is counted."""
        account, limits = session.account, services.settings.limits
        if account is None:
            return None
        standing = services.standing.of(account.id)
        if standing is None and limits.account_jump_factor:
            standing = await self._judge(account, services)
        if standing == "slow":
            limit = limits.account_slow_per_hour
            wait = services.counters.add(f"slow:{account.address}", sending.HOUR, limit, services.now())
            if wait:
                text = (
                    f"{account.address} writes to far more recipients than usual, and is slowed down to {limit} an hour"
                )
                return defer("jump", "4.7.1", f"{text}; try again in {wait:.0f} seconds")
        services.tally.sent(account.id)
        return None

    async def _judge(self, account: Account, services: Services) -> sending.State | None:
        limits, now = services.settings.limits, services.now()
        key = f"day:{account.address}"
        most = 2**31  # it is counted whatever it is
        services.counters.add(key, sending.DAY, most, now)
        today = services.counters.number(key, sending.DAY, now)
        if today <= limits.account_jump_floor:
            return None
        usual = await self._usual_day(account.id, services)
        if today <= usual * limits.account_jump_factor:
            return None
        until = now + limits.account_slow_hours * sending.HOUR
        standing, new = await services.store.commit(
            lambda t: sending.slow_down(t, account.id, account.address, int(today), usual, until)
        )
        if new:
            said = logs.fields(account=account.address, recipients=int(today), usual=round(usual, 1))
            _log.warning("an account writes to far more recipients than usual, and is slowed down", extra=said)
        services.standing.note(account.id, standing)
        return standing

    async def _usual_day(self, account: int, services: Services) -> float:
        now = services.now()
        until, usual = self._usual.get(account, (0.0, 0.0))
        if until <= now:
            usual = await services.store.query(lambda reader: sending.usual(reader, account, now))
            if len(self._usual) >= _MOST:
                self._usual.clear()
            self._usual[account] = now + _KEPT, usual
        return usual


check: Check = Jumps()
