"""The story of messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of the trace."""

    time: str
    stage: str
    verdict: str
    message: str | None = None
    session: str | None = None
    peer: str | None = None
    sender: str | None = None
    recipient: str | None = None
    message_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
