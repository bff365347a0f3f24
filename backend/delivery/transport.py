"""What a transport is: it takes one message to some of its recipients, and says what came of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from backend.store.bodies import Body
from backend.store.messages import Envelope
from backend.store.queue import Entry, Result


@dataclass(frozen=True, slots=True)
class Job:
    """One message for recipients that share the next hop and the sender that it leaves with."""

    envelope: Envelope
    body: Body
    entries: tuple[Entry, ...]


class Transport(Protocol):
    """Does jobs one after the other. The first is SMTP; the next may be an archive, a list or a vacation reply."""

    @property
    def ready(self) -> bool:
        """Whether the next job needs no new connection."""

    async def connect(self) -> None:
        """Find somebody to deliver to. Raises Unreachable."""

    async def deliver(self, job: Job) -> list[Result]:
        """A result for every entry of the job. Raises Unreachable when it had to connect and could not."""

    async def rest(self) -> None:
        """Nothing more to do: let go of connections."""


class Unreachable(Exception):
    """Nobody to deliver to at the moment, or ever (`permanent`)."""

    def __init__(
        self,
        reason: str,
        status: str,
        *,
        permanent: bool = False,
        mta: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.detail = detail  # for the trace
        self.status = status
        self.permanent = permanent
        self.mta = mta
