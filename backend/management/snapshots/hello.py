"""The first answer on a connection: who the caller is, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action as the caller sees it."""

    name: str
    help: str
    roles: tuple[str, ...]  # that may do it, beside the sysadmin
    changes: bool
    dangerous: bool
    reason: bool  # wants to be told why
    key: str
    allowed: bool
    refusal: str  # why not


@dataclass(frozen=True, slots=True)
class Hello:
    """The first answer on a connection."""

    version: str
    contract: int
    user: str
    role: str
    actions: tuple[ActionRow, ...]
    idle_seconds: int = 0  # after which a session that speaks the contract ends when nobody is there; 0: never
