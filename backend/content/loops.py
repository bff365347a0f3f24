"""Mail loops (RFC 5321 §6.3): too many hops, or a copy that we ourselves have delivered before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.policy.check import Services, Verdict, reject

if TYPE_CHECKING:
    from backend.content.scan import Incoming


class Loops:
    """Refuses a message that goes in circles."""

    name = "loops"

    async def __call__(self, message: Incoming, services: Services) -> Verdict | None:
        """554 5.4.6 for a loop."""
        hops = message.fields.received
        if hops > services.settings.limits.received_headers:
            return reject("hops", "5.4.6", f"The message has passed {hops} mail hosts; it goes in circles", code=554)
        mail = message.session.mail
        assert mail is not None
        for recipient in mail.recipients:
            for _, address in recipient.resolution.local:
                if address.lower() in message.fields.delivered_to:
                    return reject(
                        "delivered before", "5.4.6", f"The message was delivered to <{address}> before", code=554
                    )
        return None
