"""Greylisting: who has never written here before is to come again in some minutes (RFC 6647). Off unless switched on.

A sender is a triplet: network, sender, recipient. A network from which enough of them came back passes as a whole.
"""

from __future__ import annotations

from backend.policy import rates
from backend.policy.check import Check, Services, Stage, Verdict, defer
from backend.policy.finding import Finding
from backend.policy.ours import desk, ours
from backend.smtp.session import Session
from backend.store import greylist

_DAY, _HOUR, _MINUTE = 86_400.0, 3_600.0, 60.0


class Greylist:
    """Puts off mail of strangers for the first time."""

    name = "greylist"
    stage: Stage = "rcpt"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """451 4.7.1 until the time is over. Who is vouched for, or passed SPF, need not come again."""
        wanted, mail, recipient = services.settings.greylist, session.mail, session.recipient
        assert mail is not None
        assert recipient is not None
        if not wanted.enabled or mail.allowed or ours(session, services.settings) or desk(recipient):
            return None
        spf = mail.findings.get("spf")
        if spf is not None and spf.value == "pass":
            return None
        who = greylist.Triplet(rates.network(session), mail.sender.key if mail.sender else "", recipient.address.key)
        now = services.now()
        rules = greylist.Rules(
            wanted.delay_minutes * _MINUTE, wanted.retry_hours * _HOUR, wanted.keep_days * _DAY, wanted.passes
        )
        wait = await services.store.query(lambda reader: greylist.wait(reader, who, rules, now))
        services.store.record(lambda transaction: greylist.seen(transaction, who, rules, now, passes=wait == 0))
        mail.findings[self.name] = Finding("known" if wait == 0 else "new")
        if wait == 0:
            return None
        minutes = max(1, round(wait / _MINUTE))
        text = f"We do not know you yet; send this again in {minutes} {'minute' if minutes == 1 else 'minutes'}"
        return defer("new", "4.7.1", text, 451)


check: Check = Greylist()
