"""The webhook."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What became of a test event. `status` 0: no answer, and `words` say why; else the start of the answer."""

    id: str
    taken: bool
    status: int
    words: str
    milliseconds: float
    signed: bool
