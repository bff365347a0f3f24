"""What would happen to a message, and why. Nothing is changed by asking."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from typing import TYPE_CHECKING, Any

from backend.address import Address, parse
from backend.config import Settings
from backend.errors import BadInput, Denied, Temporary
from backend.management.registry import Call, Parameter, action
from backend.management.roles import EVERYBODY, HELPDESK
from backend.management.sentences import checks, steps
from backend.management.snapshots.explain import ExplainStep, Explanation
from backend.store.trace import Event

if TYPE_CHECKING:
    from backend.smtp.explain import Case, Explained, Step

_SPARE = 3.0  # seconds of the request's time that are left for the answer
_HELO = 255  # characters, as the server takes it
_LINE_END = re.compile(rb"\r?\n")
_CASE = (
    Parameter("ip", str, "the address that the mail would come from", required=True, option=True),
    Parameter("helo", str, "the name that its host would give itself", default="", option=True),
    Parameter("from", str, "the sender; <> or nothing for none", default="", option=True),
    Parameter("to", str, "the recipient", required=True, option=True),
    Parameter("message", str, "the message itself, too", default="", place=True, file=True),
)


@action("explain", roles=EVERYBODY, takes=_CASE)
def explain(call: Call, **words: str) -> Explanation:
    """Say what would happen to a message, and why, check by check; nothing is changed."""
    if words["message"] and call.caller.role == HELPDESK:
        raise Denied("The helpdesk asks about addresses; a whole message is for the postmaster.")
    return explained(
        call.settings, words["ip"], words["helo"], words["from"], words["to"], _text(words["message"]) or None
    )


def explained(
    settings: Settings, ip: str, helo: str, sender: str, recipient: str, message: bytes | None = None
) -> Explanation:
    """What would become of mail from `sender` (empty or <> for none) that the host at `ip` brings for `recipient`.

    For a thread: it has an event loop of its own. BadInput for what is no address; Temporary when it takes too long.
    """
    from backend.smtp.explain import Case  # the server and its checks, which no other action needs

    if len(helo) > _HELO:
        raise BadInput(f"The name in HELO has at most {_HELO} characters.")
    case = Case(ip.strip(), helo.strip(), _address(sender), _recipient(recipient), message)
    return _snapshot(case, asyncio.run(_rehearse(settings, case)))


async def _rehearse(settings: Settings, case: Case) -> Explained:
    from backend.policy.services import build
    from backend.smtp.explain import explain as rehearse
    from backend.store.looking import Looking

    store = Looking.open(settings.site.data, settings.limits)
    services = build(settings, store, dry=True)
    try:
        async with asyncio.timeout(max(1.0, settings.limits.request_seconds - _SPARE)):
            return await rehearse(case, services)
    except TimeoutError:
        raise Temporary("The checks take too long; the name servers may be slow. Try again later.") from None
    finally:
        services.counters.close()
        if services.antivirus is not None:
            services.antivirus.close()
        store.close()


def _address(text: str) -> Address | None:
    text = text.strip().removeprefix("<").removesuffix(">")
    return parse(text) if text else None


def _recipient(text: str) -> Address:
    text = text.strip().removeprefix("<").removesuffix(">")
    return Address(text, "") if text.lower() == "postmaster" else parse(text)


def _text(encoded: str) -> bytes:
    try:
        return _LINE_END.sub(b"\r\n", base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        raise BadInput("explain: message is the message in base64.") from None


def _snapshot(case: Case, answer: Explained) -> Explanation:
    made = tuple(_step(case, step) for step in answer.steps)
    decided = next((step for step in made if step.decides), None)
    code = answer.reply.code
    if decided is not None:
        sentence = decided.sentence
    elif case.message is None:
        sentence = "It would be taken, as far as its envelope tells; give the message too, to have that looked at."
    elif any(step.verdict == "mark" and step.check == "spam" for step in made):
        sentence = "It would be accepted, and marked as spam."
    else:
        sentence = "It would be accepted."
    return Explanation(
        ip=case.peer,
        helo=case.helo,
        sender=str(case.sender or ""),
        recipient=str(case.recipient),
        message=case.message is not None,
        verdict="accepted" if code < 400 else "deferred" if code < 500 else "rejected",
        decided=answer.decided,
        reply=_reply(answer.reply),
        sentence=sentence,
        goes_to=answer.goes_to,
        allowed=answer.allowed,
        marks=answer.marks,
        results=answer.results,
        steps=made,
    )


def _step(case: Case, step: Step) -> ExplainStep:
    return ExplainStep(
        stage=step.stage,
        check=step.check,
        verdict=step.verdict,
        reason=step.reason,
        found=step.value,
        sentence=_sentence(case, step),
        reply=_reply(step.reply) if step.reply is not None else "",
        milliseconds=round(step.seconds * 1_000, 2),
        decides=step.decides,
    )


def _sentence(case: Case, step: Step) -> str:
    sender = str(case.sender or "")
    if step.reply is not None:
        detail: dict[str, Any] = {"check": step.check, "reason": step.reason, "reply": _reply(step.reply)}
        verdict = "rejected" if step.reply.code >= 500 else "deferred"
        stage = step.stage if step.stage in ("connect", "helo", "mail", "rcpt") else "data"
        recipient = str(case.recipient)
        event = Event(0, time.time(), stage, verdict, None, None, case.peer, sender, recipient, None, detail)
        return steps.step(event)
    if step.value:
        return checks.checks({step.check: step.value}, peer=case.peer, helo=case.helo, sender=sender)[0]
    if step.verdict == "skipped":
        return "Not asked: a check before it has let the mail pass."
    return f"{step.verdict.capitalize()}: {step.reason}." if step.reason else ""


def _reply(reply: Any) -> str:
    return f"{reply.code} {reply.status} {reply.text}"
