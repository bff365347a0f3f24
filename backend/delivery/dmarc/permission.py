"""Whether an address wants the reports about a domain that is not its own (RFC 7489 §7.1)."""

from __future__ import annotations

from backend.policy.dmarc import discovery, record
from backend.policy.dmarc.domains import organisational
from backend.policy.dmarc.record import ReportTo
from backend.resolver.answer import Asks


async def permitted(resolver: Asks, domain: str, to: ReportTo) -> ReportTo | None:
    """Where the report goes: to `to`, to the address that its domain names in its place, or, as None, not there.

    `domain`: where the policy was found. Temporary: nobody knows now.
    """
    if organisational(to.domain) == organisational(domain):
        return to
    for text in await discovery.texts_of(resolver, f"{domain}._report._dmarc.{to.domain}"):
        if record.is_one(text):
            return _instead(text, to)
    return None


def _instead(text: str, to: ReportTo) -> ReportTo | None:
    """The record may name another address at the same host, and no other host: or reports could be aimed at anybody."""
    given = next((part for part in text.split(";") if part.strip().lower().startswith("rua")), "")
    if not given:
        return to
    named = record.report_addresses(given.partition("=")[2])
    return next((one for one in named if one.domain == to.domain), to)
