"""The one interface of an engine against viruses: a whole message in, what it found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from backend.store.bodies import Body

Outcome = Literal["clean", "infected", "failed"]


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What one engine says of one message. `signature` names what was found; `words`: where, or why it failed."""

    engine: str
    outcome: Outcome
    signature: str = ""
    words: str = ""
    milliseconds: float = 0.0

    def __str__(self) -> str:
        """A word for the trace: `clean`, `infected: Eicar-Test-Signature`, `failed: no answer`."""
        more = self.signature if self.outcome == "infected" else self.words if self.outcome == "failed" else ""
        return f"{self.outcome}: {more}" if more else self.outcome


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """`signatures_of`: when its signatures were made, seconds since 1970; 0 when it does not say."""

    version: str
    signatures_of: float
    alive: bool
    words: str = ""


class Engine(Protocol):
    """Looks at a message. It never raises: what goes wrong is a result, too."""

    name: str
    when_down: str  # what becomes of a message that it could not look at: defer or pass

    async def scan(self, body: Body, report: dict[str, Any]) -> EngineResult:
        """What it says of the message. `report` is what the workshop answered."""
        ...

    async def health(self) -> EngineHealth:
        """Whether it is there, and how old its signatures are."""
        ...

    def close(self) -> None:
        """Let go of what is kept from one message to the next."""
        ...
