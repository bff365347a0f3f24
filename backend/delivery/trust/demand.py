"""What a connection to a mail host must be, and who asks for it: the site, the message, DANE, or MTA-STS, in this
order (RFC 8689, RFC 7672, RFC 8461 §2).
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.config import Settings
from backend.delivery.route import Hop
from backend.delivery.trust import dane
from backend.delivery.trust.policies import NOTHING, Found, Policies
from backend.delivery.trust.sts import Policy
from backend.errors import MailError, Temporary
from backend.resolver.answer import Answer, Asks
from backend.resolver.mail_hosts import Host
from backend.store.messages import TLS_OPTIONAL, TLS_REQUIRED
from backend.store.tls_results import NO_POLICY

# How sure a connection is or must be, the least sure first. `test`: as `pkix`, and on as `may` when that fails.
NONE, MAY, ENCRYPT, TEST, PKIX, DANE = "none", "may", "encrypt", "test", "pkix", "dane"
# Why a host is out of the question, beside what a handshake says (RFC 8460 §4.3).
NO_STARTTLS = "starttls-not-supported"


@dataclass(frozen=True, slots=True)
class Source:
    """The policy that is reported on (RFC 8460 §4.4)."""

    domain: str
    kind: str = NO_POLICY  # tlsa, sts, no-policy-found
    strings: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """What the connection to one host must be."""

    level: str
    why: str  # who asks: dane, sts, site, message; empty for nobody
    source: Source
    records: tuple[dane.Record, ...] = ()
    names: tuple[str, ...] = ()  # that the certificate may be for; the first is said in the handshake (SNI)


class Unfit(Exception):
    """The host must not have the mail now. `result` is a result type of RFC 8460, where it is one."""

    def __init__(self, sentence: str, result: str, why: str, source: Source, *, status: str = "4.7.5") -> None:
        super().__init__(sentence)
        self.result = result
        self.why = why
        self.source = source
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether it may be otherwise soon: the DNS said nothing."""
        return self.status == "4.4.3"


class Demands:
    """Finds them."""

    def __init__(self, settings: Settings, resolver: Asks, policies: Policies | None) -> None:
        self._settings = settings
        self._resolver = resolver
        self._policies = policies
        self._dane = settings.outbound.dane and settings.dns.validating

    def exception(self, domain: str) -> str:
        """What the site says of a domain; empty when it says nothing. The most exact domain wins."""
        best, found = "", ""
        for one in self._settings.outbound.domain:
            fits = domain == one.domain or (one.domain.startswith(".") and domain.endswith(one.domain))
            if fits and len(one.domain) > len(best):
                best, found = one.domain, one.tls
        return found

    async def policy(self, hop: Hop) -> Found:
        """The MTA-STS policy for a hop. None for a host of the settings: such policies are about MX hosts."""
        wanted = self._settings.outbound.mta_sts and hop.to is None and hop.need != TLS_OPTIONAL
        if not wanted or self._policies is None or self.exception(hop.domain) or hop.domain.startswith("["):
            return NOTHING
        try:
            return await self._policies.of(hop.domain)
        except MailError as error:
            raise Temporary(f"It is not known what {hop.domain} asks. {error}", status="4.3.0") from error

    async def of(self, hop: Hop, host: Host, port: int, found: Found) -> Demand:
        """What one of its hosts must be; Unfit."""
        plain = Source(hop.domain or host.name)
        exception = self.exception(hop.domain) if hop.to is None else ""
        if hop.to is not None and hop.tls != "may":  # the site's own word about its smart host
            return Demand(PKIX, "site", plain, names=(host.name,))
        if hop.need == TLS_REQUIRED:
            return await self._required(hop, host, port, found, plain)
        if exception == "none":
            return Demand(NONE, "site", plain)
        if hop.need == TLS_OPTIONAL or exception == "may":
            return Demand(MAY, "message" if hop.need else "site", plain)
        by_dane = await self._by_dane(host, port, plain)
        if exception == "dane" and (by_dane is None or by_dane.level != DANE):
            raise Unfit(f"{host.name} has no TLSA records that can be used", "dane-required", "site", plain)
        if by_dane is not None and by_dane.level == DANE:
            return by_dane
        if exception == "must":
            return Demand(PKIX, "site", plain, names=(host.name,))
        demand = _by_policy(host, found, plain)
        return demand if by_dane is None or demand.level == PKIX else by_dane

    async def _required(self, hop: Hop, host: Host, port: int, found: Found, plain: Source) -> Demand:
        """REQUIRETLS: a certificate that is good for the host, whatever the domain asks (RFC 8689 §4.2.1)."""
        by_dane = await self._by_dane(host, port, plain)
        if by_dane is not None and by_dane.level == DANE:
            return by_dane
        demand = _by_policy(host, found, plain)
        source = plain if demand.level == TEST else demand.source
        return Demand(PKIX, demand.why or "message", source, names=(host.name,))

    async def _by_dane(self, host: Host, port: int, plain: Source) -> Demand | None:
        """What the TLSA records of a host ask; None when it has none (RFC 7672 §2.2). Unfit."""
        if not self._dane or not host.meant:
            return None
        for base in await self._bases(host, plain):
            answer = await self._tlsa(base, port, plain)
            if not answer.secure or not answer.records:
                continue
            records = dane.records(answer.records)
            source = Source(plain.domain, "tlsa", tuple(map(str, records)), (host.name,))
            usable = tuple(record for record in records if record.usable)
            if not usable:  # §2.1: TLS without a look at the certificate
                return Demand(ENCRYPT, "dane", source, records, (base,))
            names = (base, *(name for name in (host.name, *host.domains) if name != base))
            return Demand(DANE, "dane", source, usable, names)
        return None

    async def _bases(self, host: Host, plain: Source) -> list[str]:
        """The names below which TLSA records may be, the best first (RFC 7672 §2.2.2)."""
        if host.name.startswith("[") or host.name == host.address:
            return []
        aliased = host.alias_of not in ("", host.name)
        if host.secure:
            return [host.alias_of, host.name] if aliased else [host.name]
        if not aliased:
            return []
        try:  # what is behind the alias is not proved, the alias itself may be
            alias = await self._resolver.ask(host.name, "CNAME")
        except Temporary as error:
            raise Unfit(str(error), "dnssec-invalid", "dane", plain, status="4.4.3") from error
        return [host.name] if alias.secure and alias.records else []

    async def _tlsa(self, base: str, port: int, plain: Source) -> Answer:
        try:
            return await self._resolver.ask(f"_{port}._tcp.{base}", "TLSA")
        except Temporary as error:  # whoever can keep the answer from us must not get the mail by that (§2.1.2)
            words = f"It is not known which certificate {base} must have: {error}"
            source = Source(plain.domain, "tlsa", (), (base,))
            raise Unfit(words, "dnssec-invalid", "dane", source, status="4.4.3") from error


def _by_policy(host: Host, found: Found, plain: Source) -> Demand:
    """What MTA-STS asks of a host (RFC 8461 §5); Unfit."""
    policy = found.policy
    if policy is None or policy.mode == "none":
        return Demand(MAY, "", plain)
    source = source_of(plain.domain, policy)
    if policy.means(host.name):
        return Demand(PKIX if policy.mode == "enforce" else TEST, "sts", source, names=(host.name,))
    if policy.mode == "enforce":
        words = f"{host.name} is none of the hosts that the policy of {plain.domain} names"
        raise Unfit(words, "validation-failure", "sts", source)
    return Demand(TEST, "sts", source)  # without a name no certificate is good enough


def source_of(domain: str, policy: Policy) -> Source:
    """An MTA-STS policy as reports have it."""
    return Source(domain, "sts", policy.strings, policy.mx)
