"""Operators, and who one is oneself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A public key."""

    fingerprint: str
    algorithm: str
    comment: str
    created: str
    used: str | None


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """An operator."""

    name: str
    role: str
    state: str  # active, suspended
    password: bool
    must_change: bool
    totp: bool
    keys: tuple[KeyRow, ...]
    created: str
    seen: str | None  # the last log-in


@dataclass(frozen=True, slots=True)
class OperatorList:
    """All operators."""

    rows: tuple[OperatorRow, ...]


@dataclass(frozen=True, slots=True)
class OperatorMade:
    """An operator, and the one-time password that is shown this once; None when there is none."""

    operator: OperatorRow
    password: str | None = None


@dataclass(frozen=True, slots=True)
class TotpSecret:
    """What an authenticator application wants to know, shown this once. `url` is what a QR code holds."""

    name: str
    secret: str
    url: str


@dataclass(frozen=True, slots=True)
class Me:
    """Who the caller is."""

    name: str
    role: str
    origin: str
    key: str
    session: str
    must_change: bool
    totp: bool
    theme: str
