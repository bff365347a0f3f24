"""What DMARC says of a message, and what is done with it (RFC 7489 §6.6.2): pure but for the questions to the DNS."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from backend.errors import Temporary
from backend.policy.dmarc import discovery
from backend.policy.dmarc.discovery import Found
from backend.policy.dmarc.proof import Proof
from backend.policy.dmarc.record import POLICIES, Policy
from backend.resolver.answer import Asks

_LASTING = (b"from:", b"date:", b"message-id:", b"subject:")

Value = Literal["pass", "fail", "none", "temperror"]
Reason = tuple[str, str]  # why another policy was applied than the one asked for: its type (§7.2 appendix C), and words


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one domain of the author. `policy` is what its owner asks for, `disposition` what is done."""

    value: Value
    author: str
    found: Found | None = None
    policy: Policy = "none"
    disposition: Policy = "none"
    spf: bool = False  # an aligned pass
    dkim: bool = False
    reason: Reason | None = None
    words: str = ""

    def overridden(self, reason: Reason) -> Outcome:
        """The same, with nothing done about it, for that reason."""
        return self if self.disposition == "none" else replace(self, disposition="none", reason=reason)


async def evaluate(resolver: Asks, authors: Sequence[str], proof: Proof, header: bytes) -> Outcome:
    """The outcome for the strictest of the domains that fail, or for the first one (§6.6.1)."""
    outcomes = [await _one(resolver, author, proof, header) for author in authors]
    failed = [one for one in outcomes if one.value == "fail"]
    if failed:
        return max(failed, key=lambda one: POLICIES.index(one.disposition))
    return next((one for one in outcomes if one.value == "temperror"), outcomes[0])


async def _one(resolver: Asks, author: str, proof: Proof, header: bytes) -> Outcome:
    try:
        found = await discovery.find(resolver, author)
    except Temporary as error:
        return Outcome("temperror", author, words=str(error))
    if found is None:
        return Outcome("none", author)
    wanted = found.record
    spf = proof.spf_aligned(author, strict=wanted.strict_spf)
    dkim = proof.dkim_aligned(author, strict=wanted.strict_dkim)
    policy = found.policy(author)
    if spf or dkim:
        return Outcome("pass", author, found, policy, "none", spf, dkim)
    if author != found.domain and wanted.np_given and not await discovery.is_there(resolver, author):
        policy = wanted.np
    failed = Outcome("fail", author, found, policy, policy)
    if policy == "none":
        return failed
    if _unknown(proof, author, found):
        return replace(failed, value="temperror", disposition="none", words="SPF or DKIM could not be looked up.")
    if wanted.pct < 100 and _sampled(header) >= wanted.pct:  # not in the sample: the next milder policy (§6.6.4)
        milder = POLICIES[POLICIES.index(policy) - 1]
        return replace(failed, disposition=milder, reason=("sampled_out", f"pct={wanted.pct}"))
    return failed


def _unknown(proof: Proof, author: str, found: Found) -> bool:
    """Whether it might have passed, had the DNS answered: then nobody is refused for good."""
    return proof.spf_aligned(author, strict=found.record.strict_spf, result="temperror") or proof.dkim_aligned(
        author, strict=found.record.strict_dkim, result="temperror"
    )


def _sampled(header: bytes) -> int:
    """0 to 99, the same for a message each time it is tried: below a record's `pct` its policy holds in full.

    Of the header section counts what no host on the way changes: not its Received fields or signatures.
    """
    lasting = [line for line in header.splitlines() if line.lower().startswith(_LASTING)]
    return int.from_bytes(hashlib.blake2b(b"\n".join(lasting), digest_size=8).digest(), "big") % 100
