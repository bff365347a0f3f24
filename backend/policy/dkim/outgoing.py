"""Signs what leaves in the name of one of our domains: users' and own hosts' mail, reports, answers."""

from __future__ import annotations

from backend.config import Settings
from backend.policy import author
from backend.policy.dkim import sign
from backend.policy.dkim.keyring import Keyring
from backend.policy.dkim.letter import Letter, letter


async def signatures(message: Letter, keyring: Keyring, settings: Settings, now: float) -> bytes:
    """The fields to put above it; empty when its author's domain has no key, which all domains but ours have not."""
    if not settings.dkim.sign or not await keyring.domains():  # a site without keys need not read every header
        return b""
    domain = author.domain(message.section)
    keys = await keyring.keys(domain) if domain else ()
    return await sign.sign_letter(message, keys, now, settings.dkim.good_days)


async def signed(text: bytes, keyring: Keyring, settings: Settings, now: float) -> bytes:
    """A message that the service itself has written, below its signatures."""
    return await signatures(letter(text), keyring, settings, now) + text
