"""The check `dkim`: what the signatures of a stranger's message are worth, for DMARC, the trace and its readers."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from backend.policy import ours
from backend.policy.check import Services, Stage, Verdict, reject
from backend.policy.dkim import verify
from backend.policy.dkim.verify import Outcome, Rules
from backend.policy.finding import Finding, Result
from backend.smtp.session import Session

_ORDER = ("pass", "temperror", "policy", "fail", "permerror", "neutral")  # of many, the first one found stands for all


class Dkim:
    """Verifies all signatures. A failed one counts as none (RFC 6376 §6.1), unless the site says otherwise."""

    name = "dkim"
    stage: Stage = "message"
    begins: Stage = "message"

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, list[Outcome]] | None:
        """The outcome of each signature; None for whom it is not asked."""
        mail, settings = session.mail, services.settings.dkim
        assert mail is not None
        assert mail.content is not None
        assert session.lookups is not None
        if not settings.enabled or ours.ours(session, services.settings):
            return None
        rules = Rules(services.now(), settings.signatures, settings.oldest_days)
        return verify.verify(mail.content.letter, session.lookups, rules)

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """Note what was found; 550 5.7.20 (RFC 7372) only for nothing but failures, and where the site wants it."""
        mail, settings = session.mail, services.settings.dkim
        assert mail is not None
        if self.name not in mail.begun:
            return None
        outcomes: list[Outcome] = await session.begun(self.name)
        outcomes = [_replayed(one, len(mail.recipients), services) for one in outcomes]
        assert mail.content is not None
        unseen = len(mail.content.letter.named(verify.NAME)) - len(outcomes)
        mail.findings[self.name] = found = finding(outcomes, unseen)
        if settings.failed == "reject" and found.value == "fail" and not mail.allowed:
            return reject("failed", "5.7.20", f"No DKIM signature of this message is good ({found.words})")
        return None


check = Dkim()


def finding(outcomes: list[Outcome], unseen: int = 0) -> Finding:
    """All outcomes as one. `unseen`: signatures that were too many to be looked at."""
    if not outcomes:
        return Finding("none", "it is not signed", results=(Result("dkim", "none"),))
    best = min(outcomes, key=lambda one: _ORDER.index(one.value))
    words = best.reason or ("it is signed" if best.value == "pass" else "")
    results = [Result("dkim", one.value, one.properties, one.reason) for one in outcomes]
    if unseen > 0:
        more = f"{unseen} more signatures were not looked at"
        words = f"{words}; {more}"
        results.append(Result("dkim", "policy", (), more))
    return Finding(best.value, words, best.domain, tuple(results))


def signers(found: Finding | None) -> list[str]:
    """The domains whose signatures passed, from the top: what DMARC asks for (RFC 7489 §3.1.1)."""
    results = found.results if found is not None else ()
    return [
        value for result in results if result.value == "pass" for name, value in result.properties if name == "header.d"
    ]


def _replayed(outcome: Outcome, recipients: int, services: Services) -> Outcome:
    """A signature that is good, but was seen for more recipients than any sender has for one message.

    It is counted by recipients and not by clients: whoever sends one signed message to the world may do so from one
    address or from thousands. Mailing lists do the same on a small scale, so the limit is to be above their size.
    """
    settings = services.settings.dkim
    if outcome.value != "pass":
        return outcome
    key, seconds = f"dkim:{outcome.domain}:{outcome.start}", settings.replay_hours * 3_600
    if services.counters.add(key, seconds, settings.replay_recipients, services.now(), recipients) == 0:
        return outcome
    most, hours = settings.replay_recipients, settings.replay_hours
    return replace(
        outcome, value="policy", reason=f"replayed: it came for more than {most} recipients in {hours} hours"
    )
