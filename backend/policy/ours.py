"""Who is at home: users who logged in and the site's own networks. What the world is asked for is not asked of them."""

from __future__ import annotations

from backend.config import Settings
from backend.smtp.session import Recipient, Session

DESKS = frozenset({"postmaster", "abuse"})  # local parts: where people complain (RFC 2142 §5 and §4)


def ours(session: Session, settings: Settings) -> bool:
    """Whether the client is one of ours, as far as is known now: submission, a log-in, or an own network."""
    return session.submission or at_home(session, settings)


def at_home(session: Session, settings: Settings) -> bool:
    """Whether the client is a host of an own network, whoever uses it."""
    networks = settings.relay.networks
    if session.home is None or session.home[0] is not networks:  # asked by many checks, and again after a reload
        session.home = networks, any(session.peer in network for network in networks)
    return session.home[1]


def inside(session: Session, settings: Settings) -> bool:
    """Whether a message is looked at as one of our own people's. The probe from outside comes from this host, and is
    looked at as a stranger's.
    """
    probe = session.mail.probe if session.mail is not None else None
    return ours(session, settings) and (probe is None or probe.direction == "out")


def desk(recipient: Recipient | None) -> bool:
    """Whether the mail is for postmaster or abuse at home. Who is refused elsewhere must still be able to write there
    (RFC 5321 §4.5.1, RFC 2142): no list, name or first letter of a client keeps such mail out.
    """
    return recipient is not None and recipient.own and recipient.address.local.lower() in DESKS
