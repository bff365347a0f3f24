"""The checks in the order they are asked, a list for each stage. A new check is a file and a line here."""

from __future__ import annotations

from typing import get_args

from backend.policy import rates, recipient, relay, sender
from backend.policy.check import Check, Early, Services, Stage, Verdict
from backend.policy.dmarc import check as dmarc
from backend.smtp.session import Session

CHECKS: tuple[Check, ...] = (
    rates.message_rate,
    sender.check,
    relay.check,
    recipient.check,
    rates.recipient_rate,
    dmarc.check,
)
_STAGES: tuple[Stage, ...] = get_args(Stage)
_BY_STAGE = {stage: tuple(check for check in CHECKS if check.stage == stage) for stage in _STAGES}
_EARLY = {
    stage: tuple(check for check in CHECKS if isinstance(check, Early) and check.begins == stage) for stage in _STAGES
}


async def judge(stage: Stage, session: Session, services: Services) -> tuple[str, Verdict] | None:
    """The name of the check that refuses or accepts, and its verdict; None when all of the stage pass it on."""
    for early in _EARLY[stage]:
        session.start(early.name, early.begin(session, services))
    for check in _BY_STAGE[stage]:
        verdict = await check(session, services)
        if verdict is None:
            continue
        if verdict.action == "mark":
            session.marks.append(f"{check.name}: {verdict.reason}")
            continue
        return check.name, verdict
    return None
