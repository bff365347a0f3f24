"""Rates by address, network and sender of strangers, and by account. Counted over all workers, in sliding windows."""

from __future__ import annotations

from ipaddress import ip_network

from backend.policy.check import Check, Services, Stage, Verdict, defer
from backend.policy.ours import ours
from backend.smtp.session import Session

MINUTE, HOUR = 60, 3_600


def network(session: Session) -> str:
    """The network that is counted together: /24 of IPv4, /64 of IPv6."""
    return str(ip_network((session.peer, 24 if session.peer.version == 4 else 64), strict=False))


class MessageRate:
    """Slows down an address or a network that sends too many messages."""

    name = "message rate"
    stage: Stage = "mail"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """450 4.7.1 with the time to wait."""
        limits = services.settings.limits
        limit, who = limits.messages_per_ip_per_minute, session.network
        wait = services.counters.add(f"ip:{who}", MINUTE, limit, services.now())
        if wait == 0 and not ours(session, services.settings):
            limit, who = limits.messages_per_network_per_minute, network(session)
            wait = services.counters.add(f"net:{who}", MINUTE, limit, services.now())
        if wait == 0:
            return None
        text = f"Too many messages from {who} (at most {limit} a minute); try again in {wait:.0f} seconds"
        return defer("message rate", "4.7.1", text)


class Guesses:
    """Slows down an address that asks for many recipients who do not exist: it guesses, or has an old list."""

    name = "guesses"
    stage: Stage = "mail"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """450 4.7.1 for an hour."""
        limit = services.settings.limits.unknown_per_ip_per_hour
        if limit == 0 or ours(session, services.settings):
            return None
        if services.counters.number(f"unknown:{session.network}", HOUR, services.now()) <= limit - 1:
            return None
        text = f"{session.network} asked for too many recipients who do not exist; try again in an hour"
        return defer("guesses", "4.7.1", text)


def guessed(session: Session, services: Services) -> None:
    """Count a recipient who does not exist."""
    if not ours(session, services.settings):
        limit = services.settings.limits.unknown_per_ip_per_hour
        services.counters.add(f"unknown:{session.network}", HOUR, limit, services.now())


class SenderRate:
    """Slows down a sender elsewhere that writes to too many of our recipients, whatever hosts its mail comes by."""

    name = "sender rate"
    stage: Stage = "rcpt"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """450 4.7.1 with the time to wait. <> is many senders, and has no limit."""
        mail = session.mail
        if mail is None or mail.sender is None or ours(session, services.settings):
            return None
        limit = services.settings.limits.recipients_per_sender_per_hour
        wait = services.counters.add(f"sender:{mail.sender.key}", HOUR, limit, services.now())
        if wait == 0:
            return None
        text = f"Too many recipients from <{mail.sender}> (at most {limit} an hour); try again in {wait:.0f} seconds"
        return defer("sender rate", "4.7.1", text)


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
        wait = services.counters.add(f"account:{account.address}", HOUR, limit, services.now())
        if wait == 0:
            return None
        text = f"Too many recipients from {account.address} (at most {limit} an hour); try again in {wait:.0f} seconds"
        return defer("recipient rate", "4.7.1", text)


message_rate: Check = MessageRate()
guesses: Check = Guesses()
sender_rate: Check = SenderRate()
recipient_rate: Check = RecipientRate()
