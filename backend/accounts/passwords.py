"""Passwords as argon2id hashes (RFC 9106 §4, the choice for little memory). Both functions take 50 ms and 64 MiB."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import BadInput

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks or sounds like another of them
SHORTEST = 8  # characters, NIST SP 800-63B §5.1.1.1
LONGEST = 1_024

_hasher = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
# What a log-in to an unknown account is checked against, so that it takes as long as one to a known account.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5IGhhcyB0aGlz$HyI3bTt5wQbbnc1NhUvmJqh0pWRQ2AEYPI5eBcvzsZ0"


def hash_password(word: str) -> str:
    """The hash to keep; BadInput when the password is too short or too long."""
    if not SHORTEST <= len(word) <= LONGEST:
        raise BadInput(f"A password has {SHORTEST} to {LONGEST} characters.")
    return _hasher.hash(word)


def verify(stored: str | None, word: str) -> bool:
    """Whether `word` is the password. Takes the same time when there is none to compare with."""
    try:
        return _hasher.verify(stored or _NOBODY, word[: LONGEST + 1]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def readable() -> str:
    """A new password of 79 bits that can be read out over the telephone: `k7mf-q2xw-t9hd-3vrp`."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
