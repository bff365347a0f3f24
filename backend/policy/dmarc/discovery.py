"""Where the record is: at the domain of the author, or at its organisational domain (RFC 7489 §6.6.3)."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Temporary
from backend.policy.dmarc import record
from backend.policy.dmarc.domains import organisational
from backend.policy.dmarc.record import ParseError, Policy, Record
from backend.resolver.answer import Asks

_KINDS = ("A", "AAAA", "MX")  # a name without any of these takes no part in mail (RFC 9091 §2.7)


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and the domain that it was found at."""

    domain: str
    record: Record
    text: str

    def policy(self, author: str) -> Policy:
        """What holds for the author's domain: its own policy, or that of the organisation for subdomains."""
        return self.record.p if author == self.domain else self.record.sp


async def find(resolver: Asks, author: str) -> Found | None:
    """The record that holds for a domain; None when nobody has published one. Temporary: nobody knows now."""
    for domain in dict.fromkeys((author, organisational(author))):
        texts = [text for text in await texts_of(resolver, f"_dmarc.{domain}") if record.is_one(text)]
        if len(texts) > 1:  # several are as good as none
            return None
        if texts:
            try:
                return Found(domain, record.parse(texts[0]), texts[0])
            except ParseError:
                return None
    return None


async def texts_of(resolver: Asks, name: str) -> list[str]:
    """The TXT records of a name, the strings of each put together."""
    answer = await resolver.ask(name, "TXT")
    return [b"".join(one.strings).decode("utf-8", "replace") for one in answer.records]


async def is_there(resolver: Asks, domain: str) -> bool:
    """Whether a domain takes part in mail at all; what cannot be found out now counts as yes."""
    try:
        for kind in _KINDS:
            answer = await resolver.ask(domain, kind)
            if answer.records:
                return True
            if not answer.exists:
                return False
    except Temporary:
        return True
    return False
