"""Recipients in our own domains must exist: said at RCPT, so that no bounce to a forged sender is ever needed."""

from __future__ import annotations

from backend.policy import rates
from backend.policy.check import Check, Services, Stage, Verdict, reject
from backend.smtp.session import Session


class KnownRecipient:
    """Refuses an unknown local user."""

    name = "recipient"
    stage: Stage = "rcpt"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.1.1 for an address of ours that leads nowhere."""
        recipient = session.recipient
        assert recipient is not None
        if recipient.own and not recipient.resolution.local and not recipient.resolution.remote:
            rates.guessed(session, services)
            return reject("unknown user", "5.1.1", f"There is no <{recipient.address}> here")
        return None


check: Check = KnownRecipient()
