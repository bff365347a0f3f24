"""The one interface of a scanner: it takes a whole message and answers with a verdict, or None to pass it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from backend.content.loops import Loops
from backend.content.viruses import Viruses
from backend.policy.check import Services, Verdict
from backend.policy.dkim.letter import Letter
from backend.smtp.header import Fields
from backend.smtp.session import Session
from backend.store.bodies import Body


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message between its last dot and the reply. `header` is its header section as it came."""

    id: int
    session: Session
    header: bytes
    fields: Fields
    body: Body
    letter: Letter  # the same, as signatures see it


class Scanner(Protocol):
    """Looks at a message. Blocking work belongs in a thread or a process of the scanner's own."""

    name: str

    async def __call__(self, message: Incoming, services: Services) -> Verdict | None:
        """The verdict; None when this scanner has nothing to say."""
        ...


SCANNERS: tuple[Scanner, ...] = (Loops(), Viruses())


async def scan(message: Incoming, services: Services) -> tuple[str, Verdict] | None:
    """The name of the scanner that does not let it pass, and its verdict; None when the message may pass."""
    for scanner in SCANNERS:
        verdict = await scanner(message, services)
        if verdict is None or verdict.action == "accept":
            continue
        if verdict.action == "mark":
            message.session.marks.append(f"{scanner.name}: {verdict.reason}")
            continue
        return scanner.name, verdict
    return None
