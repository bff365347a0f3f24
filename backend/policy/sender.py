"""Who submits mail says who he is (RFC 6409 §6.1): the sender must be an address of the account that logged in."""

from __future__ import annotations

from backend.policy.check import Check, Services, Stage, Verdict, reject
from backend.smtp.session import Session


class OwnSender:
    """Refuses a sender that does not belong to the account. <> is allowed: receipts and vacation replies have it."""

    name = "sender"
    stage: Stage = "mail"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.1 for somebody else's address."""
        account, mail = session.account, session.mail
        if account is None or mail is None or mail.sender is None or mail.sender.key == account.address:
            return None
        if await services.directory.is_own(mail.sender.domain):
            resolution = await services.directory.resolve(mail.sender)
            if resolution is not None and any(address == account.address for _, address in resolution.local):
                return None
        return reject("foreign sender", "5.7.1", f"{account.address} may not send as <{mail.sender}>")


check: Check = OwnSender()
