"""What a check found out: a word for the trace and for statistics, and results for Authentication-Results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One result of RFC 8601 §2.2: `spf=pass smtp.mailfrom=example.org`. `reason` becomes a comment."""

    method: str
    value: str
    properties: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """`value`: a word such as "pass", "none" or "listed". `words`: why, for people; never a secret or a subject.

    `domain`: whom it is about, where it is about a domain.
    """

    value: str
    words: str = ""
    domain: str = ""
    results: tuple[Result, ...] = ()
