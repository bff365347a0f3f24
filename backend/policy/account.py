"""Who logged in and was suspended since: the session goes on, and sends nothing more."""

from __future__ import annotations

from backend.policy.check import Check, Services, Stage, Verdict, reject
from backend.smtp.session import Session


class Suspended:
    """Refuses the next message of an account that is suspended or gone."""

    name = "account"
    stage: Stage = "mail"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.1; a look into memory as long as no account has changed."""
        account = session.account
        if account is None or await services.directory.is_active(account.id):
            return None
        return reject("suspended", "5.7.1", f"{account.address} may not send mail any more; ask our postmaster")


check: Check = Suspended()
