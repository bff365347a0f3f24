"""What a name server answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of one name and type, aliases followed. None there is an answer too."""

    records: tuple[Any, ...]  # dnspython's rdata; empty: there are none of this type
    exists: bool  # whether there is such a name at all (no NXDOMAIN)
    ttl: float  # seconds that it may be kept, as its sender says
    secure: bool = False  # a validating resolver has proved it (DNSSEC, the AD bit)
    name: str = ""  # where the records were found, behind all aliases


class Asks(Protocol):
    """Who can be asked."""

    async def ask(self, name: str, kind: str) -> Answer:
        """The records of `name`, of type `kind` such as "TXT". Temporary (4.4.3) when nobody knows now: SERVFAIL,
        silence, nonsense. That is never a "no".
        """
        ...

    def known(self, name: str, kind: str) -> Answer | None:
        """The answer where it is at hand; None where it must be asked for. Temporary where it has just failed. Any
        thread may call it.
        """
        ...
