"""The check `arc`: what the sealed sets of a stranger's message are worth."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from backend.policy import ours
from backend.policy.arc import verify
from backend.policy.arc.chain import Chain
from backend.policy.check import Services, Stage, Verdict
from backend.policy.dkim.verify import Rules
from backend.policy.finding import Finding, Result
from backend.smtp.session import Session


class Arc:
    """Verifies the chain. It never refuses: a chain can only speak for a message."""

    name = "arc"
    stage: Stage = "message"
    begins: Stage = "message"

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, Chain] | None:
        """The chain; None for whom it is not asked."""
        mail = session.mail
        assert mail is not None
        assert mail.content is not None
        assert session.lookups is not None
        if not services.settings.arc.enabled or ours.ours(session, services.settings):
            return None
        return verify.verify(mail.content.letter, session.lookups, Rules(services.now()))

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """Note what was found."""
        mail = session.mail
        assert mail is not None
        if self.name in mail.begun:
            mail.chain = chain = await session.begun(self.name)
            mail.findings[self.name] = finding(chain, str(session.peer))
        return None


check = Arc()


def finding(chain: Chain, peer: str) -> Finding:
    """The chain in words. The results of RFC 8617 §10.1 know no temperror: who cannot be asked has not passed."""
    if chain.value == "none":
        return Finding("none", "nobody has sealed it", results=(Result("arc", "none"),))
    sealed = f"sealed last by {chain.sealer}" if chain.sealer else ""
    words = "; ".join(filter(None, (chain.reason, sealed)))
    value = "pass" if chain.value == "pass" else "fail"
    result = Result("arc", value, (("smtp.remote-ip", peer),), words)
    return Finding(chain.value, words, chain.sealer, (result,))
