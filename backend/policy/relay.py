"""Relaying: own domains, own networks and users who logged in; everybody else to everywhere else is refused.

RFC 2505 §2.1 and RFC 5321 §3.6. Old forms of routing in the local part (`u%c@b`, `c!u@b`, `"u@c"@b`) are taken
literally: as the name of a user of ours, who then does not exist.
"""

from __future__ import annotations

from backend.policy.check import Check, Services, Stage, Verdict, reject
from backend.smtp.session import Session

_ROUTING = frozenset("%!@:")


class Relay:
    """Refuses a recipient elsewhere from a client that is not ours."""

    name = "relay"
    stage: Stage = "rcpt"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.1 for a recipient that is not ours; an own domain is left to the next checks."""
        recipient = session.recipient
        assert recipient is not None
        if recipient.own:
            unknown = not recipient.resolution.local and not recipient.resolution.remote
            if unknown and _ROUTING.intersection(recipient.address.local):
                return reject(
                    "routing", "5.7.1", f"Relaying denied: <{recipient.address}> asks us to route the mail on"
                )
            return None
        if session.account is not None or any(session.peer in network for network in services.settings.relay.networks):
            return None
        return reject(
            "relay",
            "5.7.1",
            f"Relaying denied: <{recipient.address}> is not ours and {session.peer} may not send through us",
        )


check: Check = Relay()
