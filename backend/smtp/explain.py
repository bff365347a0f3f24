"""What would happen to a message, and why: the checks that a client of the server meets, each with what it found.

The same checks are asked in the same order as by `dialogue` and `intake`. Where they would stop at the first that
refuses, this goes on, so that all that is wrong is seen at once. Nothing is changed: no count, no list, no store.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any

from backend import ids
from backend.address import Address
from backend.content.scan import SCANNERS, Incoming
from backend.errors import BadInput, MailError
from backend.policy import authentication_results, chain
from backend.policy.check import Services, Stage, Verdict
from backend.policy.dkim.letter import Letter
from backend.resolver.lookups import Lookups
from backend.smtp import header, intake, reply
from backend.smtp.reply import Reply
from backend.smtp.session import MailTransaction, Recipient, Session
from backend.store.accounts import Resolution
from backend.store.bodies import Body

_log = logging.getLogger("smtp")

_ENVELOPE: tuple[Stage, ...] = ("connect", "helo", "mail", "rcpt", "data")


@dataclass(frozen=True, slots=True)
class Case:
    """Who would send what to whom. `sender` is None for <>; `message` has CR LF line ends, None: only the envelope."""

    peer: str
    helo: str
    sender: Address | None
    recipient: Address
    message: bytes | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One check. `verdict`: passed, accept, mark, reject, defer, skipped (an earlier one spoke for all), or failed."""

    stage: str
    check: str
    verdict: str
    reason: str
    reply: Reply | None
    value: str  # what it found, in a word; empty when it keeps no finding
    words: str
    seconds: float
    decides: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """`reply` is the one that the client would be given in the end; `decided` names the check behind a refusal."""

    reply: Reply
    decided: str
    steps: tuple[Step, ...]
    allowed: str  # who vouches for the sender: a rule of ours or a white list
    marks: tuple[str, ...]
    results: str  # Authentication-Results, in one line
    goes_to: tuple[str, ...]  # accounts of ours and addresses elsewhere


async def explain(case: Case, services: Services) -> Explained:
    """Ask all checks. BadInput when the case is none; Temporary when the store cannot be read."""
    return await _Rehearsal(case, services).run()


class _Rehearsal:
    def __init__(self, case: Case, services: Services) -> None:
        self._case = case
        self._services = services
        self._steps: list[Step] = []
        self._decided: tuple[str, Reply] | None = None
        self._seconds: dict[str, float] = {}  # of what began early
        dns = services.settings.dns
        self._session = Session("", _peer(case.peer), "", "smtp", case.helo, esmtp=True)
        self._session.lookups = Lookups(services.resolver, dns.message_questions, dns.message_seconds)

    async def run(self) -> Explained:
        """All stages, one after the other."""
        session, case = self._session, self._case
        for stage in _ENVELOPE:
            if stage == "mail":
                session.mail = MailTransaction(case.sender, len(case.message or b""))
            if stage == "rcpt":
                session.recipient = await self._recipient()
            await self._stage(stage)
        mail, recipient = session.mail, session.recipient
        assert mail is not None
        assert recipient is not None
        mail.recipients.append(recipient)
        if case.message is not None:
            await self._content(mail, case.message)
        resolution = recipient.resolution
        name, answer = self._decided or ("", reply.OK.saying("It would be accepted"))
        return Explained(
            answer,
            name,
            tuple(self._steps),
            mail.allowed,
            tuple(session.marks),
            self._results(),
            (*(account for _, account in resolution.local), *resolution.remote),
        )

    async def _recipient(self) -> Recipient:
        services, address = self._services, self._case.recipient
        if not address.domain:
            address = Address(address.local, services.settings.site.domain)
        own = await services.directory.is_own(address.domain)
        resolution = await services.directory.resolve(address) if own else Resolution((), (str(address),))
        return Recipient(address, resolution or Resolution((), ()), own)

    async def _content(self, mail: MailTransaction, data: bytes) -> None:
        section = header.section(data)
        body = Body(size=len(data), data=data)
        message = mail.content = Incoming(
            ids.new(), self._session, section, header.Fields(section), body, Letter(section, body)
        )
        await self._stage("message")
        for scanner in SCANNERS:
            await self._ask("content", scanner.name, partial(scanner, message, self._services))
        await self._score(message)

    async def _score(self, message: Incoming) -> None:
        """Whether it would be marked as spam, and why; nothing of what nobody scores."""
        began = time.perf_counter()
        self._services.spam.begin(message, b"", self._services.settings)
        found = (await self._services.spam.mark(message, message.header, self._services)).detail
        if not found:
            return
        word, reason = "failed", f"it could not be scored: {found.get('failed')}"
        if "points" in found:
            word = "mark" if found["marked"] else "passed"
            weights = ", ".join(f"{name} {points:+.1f}" for name, points in found["reasons"].items())
            reason = f"{found['points']:g} points of spam: {weights}"
        self._steps.append(Step("content", "spam", word, reason, None, "", "", time.perf_counter() - began, False))

    async def _stage(self, stage: Stage) -> None:
        session, services = self._session, self._services
        for early in chain.early_of(stage):
            work = early.begin(session, services)
            if work is not None:
                session.start(early.name, self._timed(early.name, work))
        spoken = False
        for check in chain.checks_of(stage):
            if spoken:
                self._steps.append(Step(stage, check.name, "skipped", "", None, "", "", 0.0, False))
                continue
            verdict = await self._ask(stage, check.name, partial(check, session, services))
            spoken = verdict is not None and verdict.action == "accept"

    async def _timed(self, name: str, work: Coroutine[Any, Any, Any]) -> Any:
        began = time.perf_counter()
        try:
            return await work
        finally:
            self._seconds[name] = time.perf_counter() - began

    async def _ask(self, stage: str, name: str, ask: Callable[[], Awaitable[Verdict | None]]) -> Verdict | None:
        """One check, or one scanner; what it says as the step that it is."""
        began = time.perf_counter()
        verdict: Verdict | None = None
        word, reason, answer = "passed", "", None
        try:
            verdict = await ask()
        except MailError as error:
            answer = reply.of(error)
            word = "reject" if answer.code >= 500 else "defer"
        except Exception as error:
            _log.exception("a check failed", extra={"check": name})
            word, reason, answer = "failed", type(error).__name__, reply.INTERNAL
        seconds = max(self._seconds.get(name, 0.0), time.perf_counter() - began)
        if verdict is not None:
            word, reason = verdict.action, verdict.reason
            if word == "mark":
                self._session.marks.append(f"{name}: {reason}")
            elif word != "accept":
                answer = intake.verdict_reply(verdict, self._services)
        decides = answer is not None and self._decided is None
        if decides and answer is not None:
            self._decided = name, answer
        finding = self._session.all_findings.get(name)
        found = (finding.value, finding.words) if finding is not None else ("", "")
        self._steps.append(Step(stage, name, word, reason, answer, *found, seconds, decides))
        return verdict

    def _results(self) -> str:
        findings = self._session.all_findings
        if not findings:
            return ""
        field = authentication_results.write(self._services.settings.site.hostname, findings.values())
        return " ".join(field.decode().split())


def _peer(text: str) -> Any:
    try:
        return ip_address(text)
    except ValueError:
        raise BadInput(f"{text[:60]!r} is no IP address.") from None
