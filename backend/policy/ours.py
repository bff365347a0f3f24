"""Who is at home: users who logged in and the site's own networks. What the world is asked for is not asked of them."""

from __future__ import annotations

from backend.config import Settings
from backend.smtp.session import Recipient, Session

DESKS = frozenset({"postmaster", "abuse"})  # local parts (RFC 2142): where people complain


def ours(session: Session, settings: Settings) -> bool:
    """Whether the client is one of ours, as far as is known now: submission, a log-in, or an own network."""
    return session.submission or any(session.peer in network for network in settings.relay.networks)


def desk(recipient: Recipient) -> bool:
    """Whether it is where people complain: postmaster or abuse of a domain of ours (RFC 2142, RFC 2505 §2.3). Who is
    refused elsewhere must be heard there.
    """
    return recipient.own and recipient.address.local.lower() in DESKS
