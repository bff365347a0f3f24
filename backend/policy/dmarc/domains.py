"""Whose a domain is: the organisational domain by the public suffix list (RFC 7489 §3.2), and alignment (§3.1)."""

from __future__ import annotations

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_REMEMBERED = 20_000  # domains


@lru_cache(1)
def _suffixes() -> PublicSuffixList:
    """The list, read when it is first needed: most roles never do."""
    return PublicSuffixList()


@lru_cache(_REMEMBERED)
def organisational(domain: str) -> str:
    """`example.co.uk` of `mail.example.co.uk`; of a public suffix, the name itself. `domain`: lower-case A-labels."""
    found: str | None = _suffixes().privatesuffix(domain)
    return found or domain


def aligned(domain: str, author: str, *, strict: bool) -> bool:
    """Whether what was proven for `domain` speaks for the `author` domain."""
    if domain == author:
        return True
    return not strict and organisational(domain) == organisational(author)
