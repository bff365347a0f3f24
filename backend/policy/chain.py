"""The checks in the order they are asked, a list for each stage. A new check is a file and a line here."""

from __future__ import annotations

from typing import get_args

from backend.policy import access, account, dnslists, greylist, jumps, rates, recipient, relay, reverse_dns, sender, spf
from backend.policy.arc import check as arc
from backend.policy.check import Check, Early, Services, Stage, Verdict
from backend.policy.dkim import check as dkim
from backend.policy.dmarc import check as dmarc
from backend.smtp.session import Session

CHECKS: tuple[Check, ...] = (
    rates.message_rate,
    rates.guesses,
    account.check,
    sender.check,
    relay.check,
    recipient.check,
    access.allow,
    dnslists.white,
    access.deny,
    dnslists.black,
    reverse_dns.check,
    spf.check,
    greylist.check,
    rates.sender_rate,
    rates.recipient_rate,
    jumps.check,
    access.whole,
    dkim.check,
    arc.check,
    dmarc.check,
)
_STAGES: tuple[Stage, ...] = get_args(Stage)
_BY_STAGE = {stage: tuple(check for check in CHECKS if check.stage == stage) for stage in _STAGES}
_EARLY = {
    stage: tuple(check for check in CHECKS if isinstance(check, Early) and check.begins == stage) for stage in _STAGES
}


def checks_of(stage: Stage) -> tuple[Check, ...]:
    """The checks of a stage, in their order."""
    return _BY_STAGE[stage]


def early_of(stage: Stage) -> tuple[Early, ...]:
    """The checks that begin at a stage."""
    return _EARLY[stage]


async def judge(stage: Stage, session: Session, services: Services) -> tuple[str, Verdict] | None:
    """The name of the check that refuses or accepts, and its verdict; None when all of the stage pass it on."""
    for early in _EARLY[stage]:
        work = early.begin(session, services)
        if work is not None:
            session.start(early.name, work)
    for check in _BY_STAGE[stage]:
        verdict = await check(session, services)
        if verdict is None:
            continue
        if verdict.action == "mark":
            session.marks.append(f"{check.name}: {verdict.reason}")
            continue
        return check.name, verdict
    return None
