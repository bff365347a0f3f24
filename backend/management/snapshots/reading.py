"""What is in a message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """One header field; a line that is none has no name."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MessageHeaders:
    """The header fields in their order; `cut`: there are more."""

    id: str
    rows: tuple[HeaderRow, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part of a message."""

    kind: str
    name: str
    size: int
    depth: int


@dataclass(frozen=True, slots=True)
class MessageText:
    """The words, and what else is there; `cut`: there is more."""

    id: str
    text: str
    source: str  # text/plain, text/html, or nothing
    parts: tuple[PartRow, ...]
    cut: bool
