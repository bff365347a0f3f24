"""Rates: messages a minute from one address, recipients an hour of one account. Counted over all workers."""

from __future__ import annotations

from backend.policy.check import Check, Services, Stage, Verdict, defer
from backend.smtp.session import Session


class MessageRate:
    """Slows down an address that sends too many messages."""

    name = "message rate"
    stage: Stage = "mail"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """450 4.7.1 with the time to wait."""
        limit = services.settings.limits.messages_per_ip_per_minute
        wait = services.counters.add(f"ip:{session.network}", 60, limit, services.now())
        if wait == 0:
            return None
        text = f"Too many messages from {session.network} (at most {limit} a minute); try again in {wait:.0f} seconds"
        return defer("message rate", "4.7.1", text)


class RecipientRate:
    """Slows down an account that writes to too many recipients: a stolen password shows this way."""

    name = "recipient rate"
    stage: Stage = "rcpt"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """450 4.7.1 with the time to wait."""
        account = session.account
        if account is None:
            return None
        limit = services.settings.limits.recipients_per_account_per_hour
        wait = services.counters.add(f"account:{account.id}", 3_600, limit, services.now())
        if wait == 0:
            return None
        text = f"Too many recipients from {account.address} (at most {limit} an hour); try again in {wait:.0f} seconds"
        return defer("recipient rate", "4.7.1", text)


message_rate: Check = MessageRate()
recipient_rate: Check = RecipientRate()
