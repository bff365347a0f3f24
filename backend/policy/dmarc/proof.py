"""What SPF and DKIM have proven of a message, out of what those checks found (RFC 7489 §3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backend.policy.dmarc.domains import aligned
from backend.policy.finding import Finding, Result

_MOST = 100  # signatures looked at: no more are reported on


@dataclass(frozen=True, slots=True)
class Identity:
    """One result: of a signature's domain with its selector, or of SPF's domain with its scope (mfrom, helo)."""

    domain: str
    result: str
    selector: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of a message. There is one SPF identity, that of the envelope; `helo` only where that is empty."""

    spf: Identity | None = None
    dkim: tuple[Identity, ...] = ()

    def spf_aligned(self, author: str, *, strict: bool, result: str = "pass") -> bool:
        """Whether SPF says `result` of a domain that speaks for `author` (§3.1.2)."""
        one = self.spf
        return one is not None and one.result == result and aligned(one.domain, author, strict=strict)

    def dkim_aligned(self, author: str, *, strict: bool, result: str = "pass") -> bool:
        """Whether a signature has `result` and its domain speaks for `author` (§3.1.1)."""
        return any(one.result == result and aligned(one.domain, author, strict=strict) for one in self.dkim)

    @property
    def domains(self) -> frozenset[str]:
        """All domains that are proven."""
        some = [*self.dkim, *([self.spf] if self.spf is not None else [])]
        return frozenset(one.domain for one in some if one.result == "pass")


def of(findings: Mapping[str, Finding], *, null_sender: bool) -> Proof:
    """The proof in the findings `spf` and `dkim`. `null_sender`: the envelope names nobody, so HELO counts."""
    return Proof(_spf(_results(findings, "spf"), null_sender=null_sender), _dkim(_results(findings, "dkim")))


def _results(findings: Mapping[str, Finding], method: str) -> tuple[Result, ...]:
    found = findings.get(method)
    return () if found is None else tuple(one for one in found.results if one.method == method)[:_MOST]


def _spf(results: Iterable[Result], *, null_sender: bool) -> Identity | None:
    helo = None
    for result in results:
        named = dict(result.properties)
        sender = _domain(named.get("smtp.mailfrom", ""))
        if sender:
            return Identity(sender, result.value, scope="mfrom")
        if _domain(named.get("smtp.helo", "")):
            helo = helo or Identity(_domain(named["smtp.helo"]), result.value, scope="helo")
    return helo if null_sender else None


def _dkim(results: Iterable[Result]) -> tuple[Identity, ...]:
    found = []
    for result in results:
        named = dict(result.properties)
        domain = _domain(named.get("header.d", "") or named.get("header.i", ""))
        if domain:
            found.append(Identity(domain, result.value, selector=named.get("header.s", "")))
    return tuple(found)


def _domain(identity: str) -> str:
    return identity.rpartition("@")[2].lower().rstrip(".")
