"""The one interface of a check: it takes the session so far and answers with a verdict, or None to pass it on.

A check whose answer takes time, such as one that asks the DNS, begins early: `begin` is started as soon as its stage
`begins` is reached, and the check takes what it found with `session.begun(name)` when a decision is due. So the client
never waits for one look-up after the other, and nobody waits for an answer that nothing depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from backend.smtp.reply import Reply

if TYPE_CHECKING:  # the checks want these names, and commands must not load what stands behind them
    from backend.accounts.directory import Directory
    from backend.config import Settings
    from backend.content.antivirus import Antivirus
    from backend.content.spam.marker import Marker
    from backend.content.spam.threshold import Threshold
    from backend.policy.access_lists import AccessLists
    from backend.policy.counters import Counters
    from backend.policy.dkim.keyring import Keyring
    from backend.policy.list_questions import ListQuestions
    from backend.policy.standing import Standing
    from backend.policy.tally import Tally
    from backend.resolver.answer import Asks
    from backend.smtp.session import Session
    from backend.store.database import Store

Stage = Literal["connect", "helo", "mail", "rcpt", "data", "message"]  # message: behind its last dot


@dataclass(frozen=True, slots=True)
class Verdict:
    """`accept` ends the stage well, `reject` and `defer` end it with `reply`, `mark` notes `reason` and goes on,
    `quarantine` takes the message and keeps it from its recipients.
    """

    action: Literal["accept", "reject", "defer", "mark", "quarantine"]
    reason: str
    reply: Reply | None = None
    rule: int | None = None  # the number of the rule of ours that says so, for the trace


@dataclass(frozen=True, slots=True)
class Services:
    """All that a check may ask. A check opens no socket and reads no clock but these."""

    settings: Settings
    directory: Directory
    counters: Counters
    resolver: Asks  # for what is not about one message; a check of a message asks `session.lookups`
    keyring: Keyring  # keys that sign
    threshold: Threshold  # from which on mail is spam
    now: Callable[[], float]
    access: AccessLists
    store: Store
    lists: ListQuestions  # the DNS lists
    standing: Standing  # what the whole site has found out
    tally: Tally  # what this worker counts for it
    spam: Marker
    antivirus: Antivirus | None = None  # the engines; None where messages are not looked at
    dry: bool = False  # somebody only wants to know what would be: count nothing, learn nothing, note no hit


class Check(Protocol):
    """A check of one stage. `name` is the one in the settings and in the trace."""

    name: str
    stage: Stage

    async def __call__(self, session: Session, services: Services) -> Verdict | None:
        """The verdict; None when this check has nothing to say."""
        ...


@runtime_checkable
class Early(Check, Protocol):
    """A check that begins before its stage."""

    begins: Stage

    def begin(self, session: Session, services: Services) -> Coroutine[Any, Any, Any] | None:
        """What takes time; None when there is nothing to do, which spares a task. It is awaited where the check is, and
        what it raises is raised there.
        """
        ...


def reject(reason: str, status: str, text: str, code: int = 550) -> Verdict:
    """Never: the same will be refused again. `reason` is a word or two for statistics, `text` for the sender."""
    return Verdict("reject", reason, Reply(code, status, text))


def defer(reason: str, status: str, text: str, code: int = 450) -> Verdict:
    """Not now: the same may be accepted later."""
    return Verdict("defer", reason, Reply(code, status, text))
