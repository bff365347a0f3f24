"""The check: DMARC for what strangers bring, behind SPF, DKIM and ARC, whose findings it reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from backend.config import Settings
from backend.policy import author
from backend.policy.arc.verify import vouched
from backend.policy.check import Check, Services, Stage, Verdict, defer, reject
from backend.policy.dmarc import proof
from backend.policy.dmarc.evaluation import Outcome, Reason, evaluate
from backend.policy.dmarc.proof import Proof
from backend.policy.finding import Finding, Result
from backend.policy.ours import desk, ours
from backend.smtp.session import MailTransaction, Session
from backend.store import dmarc_results
from backend.store.database import Transaction
from backend.store.dmarc_results import Seen

_SIGNATURES = 10  # in a report, of one message: who makes a hundred wants to fill our disk
_LONGEST = 255  # characters of a name


class Dmarc:
    """Refuses, marks or notes mail whose From is not proven, as the owner of that domain asks."""

    name = "dmarc"
    stage: Stage = "message"

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """550 5.7.26 where the policy is reject, a mark where it is quarantine, 451 where the DNS does not answer."""
        settings, mail = services.settings, session.mail
        if not settings.dmarc.enabled or ours(session, settings):
            return None
        assert mail is not None
        assert mail.content is not None
        header = mail.content.header
        try:
            authors = author.domains(header)
        except author.ParseError as error:
            mail.findings[self.name] = _finding("permerror", "", str(error))
            if not settings.dmarc.apply or _for_the_desk(mail):
                return None
            return reject("author", "5.6.0", f"Nobody can say who wrote this message: {error} (RFC 7489 section 6.6.1)")
        if not authors:
            mail.findings[self.name] = _finding("none", "", "From names no domain")
            return None
        proven = proof.of(session.all_findings, null_sender=mail.sender is None)
        outcome = await evaluate(session.lookups or services.resolver, authors, proven, header)
        reason = _override(session, settings, proven)
        if reason is not None:
            outcome = outcome.overridden(reason)
        if not settings.dmarc.apply:
            outcome = outcome.overridden(("local_policy", "policies are noted only"))
        mail.findings[self.name] = _found(outcome)
        _report(session, settings, outcome, proven)
        if outcome.value == "temperror" and settings.dmarc.apply and reason is None:
            return defer("dns", "4.4.3", f"DMARC for {outcome.author} cannot be checked now: {outcome.words}", code=451)
        if outcome.disposition == "reject":
            return reject(
                "policy",
                "5.7.26",
                f"{outcome.author} asks to refuse mail in its name that neither SPF nor DKIM proves (DMARC)",
            )
        return Verdict("mark", "quarantine") if outcome.disposition == "quarantine" else None


# -- why it may pass all the same


def _override(session: Session, settings: Settings, proven: Proof) -> Reason | None:
    """The reason to do nothing, for the report (RFC 7489 §7.2, PolicyOverrideType)."""
    mail = session.mail
    assert mail is not None
    sealer = vouched(mail.chain, settings.arc.trusted)
    if sealer:
        return "trusted_forwarder", f"arc={sealer}"
    if mail.client_allowed:
        return "local_policy", f"{mail.allowed} allows the host"
    if _for_the_desk(mail):
        return "local_policy", "it is for the postmaster"
    for domain in sorted(proven.domains):
        if any(domain == one or domain.endswith(f".{one}") for one in settings.dmarc.exceptions):
            return "mailing_list", f"list={domain}"
    return None


def _for_the_desk(mail: MailTransaction) -> bool:
    """Whether it is for nobody but postmaster or abuse: who is refused is told to write there (RFC 2505 §2.3)."""
    return all(map(desk, mail.recipients))


# -- what is said of it


def _found(outcome: Outcome) -> Finding:
    wanted = outcome.found
    if wanted is None:
        return _finding(outcome.value, outcome.author, outcome.words)
    words = f"p={outcome.policy} dis={outcome.disposition}"
    if outcome.reason is not None:
        words += f" {outcome.reason[0]}: {outcome.reason[1]}"
    return _finding(outcome.value, outcome.author, words, policy=wanted.record.p)


def _finding(value: str, domain: str, words: str, policy: str = "") -> Finding:
    named = [("header.from", domain)] if domain else []
    named += [("policy.dmarc", policy)] if policy else []
    return Finding(value, words, domain, (Result("dmarc", value, tuple(named), words),))


# -- what its owner will be told


def _report(session: Session, settings: Settings, outcome: Outcome, proven: Proof) -> None:
    """Count it for the report of the day, where reports are wanted; not of mail that brings us reports itself, or two
    hosts would write to each other for ever.
    """
    mail, found = session.mail, outcome.found
    assert mail is not None
    if not settings.dmarc.reports or found is None or not found.record.rua or outcome.value not in ("pass", "fail"):
        return
    if all(str(one.address).lower() in _addresses(settings) for one in mail.recipients):
        return
    reason = outcome.reason or ("", "")
    seen = Seen(
        source=str(session.peer),
        disposition=outcome.disposition,
        spf="pass" if outcome.spf else "fail",
        dkim="pass" if outcome.dkim else "fail",
        reason=reason[0],
        comment=reason[1][:_LONGEST],
        header_from=outcome.author[:_LONGEST],
        envelope_from=(mail.sender.domain if mail.sender is not None else "")[:_LONGEST],
        results=_results(proven),
    )
    step: Callable[[Transaction], None] = partial(
        dmarc_results.count, domain=found.domain, record=found.text, seen=seen
    )
    mail.written.append(step)


def _addresses(settings: Settings) -> set[str]:
    """To and from which reports go here."""
    own = settings.dmarc
    sender = own.report_from or f"dmarc-reports@{settings.site.domain}"
    return {one.lower() for one in (sender, own.report_address) if one}


def _results(proven: Proof) -> list[dict[str, str]]:
    found = [
        {"method": "dkim", "domain": one.domain[:_LONGEST], "selector": one.selector[:_LONGEST], "result": one.result}
        for one in proven.dkim[:_SIGNATURES]
    ]
    if proven.spf is not None:
        spf = proven.spf
        found.append({"method": "spf", "domain": spf.domain[:_LONGEST], "scope": spf.scope, "result": spf.result})
    return found


check: Check = Dmarc()
