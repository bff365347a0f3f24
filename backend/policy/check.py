"""The one interface of a check: it takes the session so far and answers with a verdict, or None to pass it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from backend.accounts.directory import Directory
from backend.config import Settings
from backend.policy.counters import Counters
from backend.smtp.reply import Reply
from backend.smtp.session import Session

Stage = Literal["connect", "helo", "mail", "rcpt", "data"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`accept` ends the stage well, `reject` and `defer` end it with `reply`, `mark` notes `reason` and goes on."""

    action: Literal["accept", "reject", "defer", "mark"]
    reason: str
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """All that a check may ask. A check opens no socket and reads no clock but these."""

    settings: Settings
    directory: Directory
    counters: Counters
    now: Callable[[], float]


class Check(Protocol):
    """A check of one stage. `name` is the one in the settings and in the trace."""

    name: str
    stage: Stage

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """The verdict; None when this check has nothing to say."""
        ...


def reject(reason: str, status: str, text: str, code: int = 550) -> Verdict:
    """Never: the same will be refused again. `reason` is a word or two for statistics, `text` for the sender."""
    return Verdict("reject", reason, Reply(code, status, text))


def defer(reason: str, status: str, text: str, code: int = 450) -> Verdict:
    """Not now: the same may be accepted later."""
    return Verdict("defer", reason, Reply(code, status, text))
