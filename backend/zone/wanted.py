"""What should be published for one of our domains, and why. Each part of the service is a provider of some of it."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from backend.config import Settings
from backend.policy.dmarc.domains import organisational
from backend.store import dkim_keys
from backend.store.database import Reader
from backend.zone import verdict
from backend.zone.verdict import Verdict

Judge = Callable[[Sequence[str]], Verdict]
_ELSEWHERE = ("192.0.2.1", "2001:db8::1")  # nobody lives there; to learn which address of ours would be used


@dataclass(frozen=True, slots=True)
class Own:
    """Of whom it is asked. `addresses`: of this host, as others see them; empty when nobody knows."""

    domain: str
    settings: Settings
    addresses: tuple[str, ...] = ()
    reader: Reader | None = None  # for providers that keep what they publish in the store

    @property
    def hostname(self) -> str:
        """Of this host."""
        return self.settings.site.hostname


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record. `value` as zone files have it, without quotes for a text; empty where only the site can know it."""

    purpose: str  # a word or two: MX, SPF, DKIM key ...
    name: str  # whole, without a dot at its end
    kind: str
    value: str
    why: str  # what it is for, in a sentence
    judge: Judge
    needed: bool = True


Provider = Callable[[Own], Iterable[Wanted]]


def own_addresses(settings: Settings) -> tuple[str, ...]:
    """The addresses of this host by which others know it: those it listens on or sends from, where the settings name
    them, else those that lead out, unless they are private.
    """
    named = [*settings.listen.addresses, settings.delivery.source_ipv4, settings.delivery.source_ipv6]
    found = [one for one in dict.fromkeys(named) if one and not ipaddress.ip_address(one).is_unspecified]
    if found:
        return tuple(found)
    leading = [_leading_out(address) for address in _ELSEWHERE]
    return tuple(one for one in leading if one and ipaddress.ip_address(one).is_global)


def _leading_out(to: str) -> str:
    """Nothing is sent."""
    kind = socket.AF_INET6 if ":" in to else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as one:
            one.connect((to, 9))
            return str(one.getsockname()[0])
    except OSError:
        return ""


def host(own: Own) -> Iterator[Wanted]:
    """The mail host: MX, its addresses, and their names."""
    yield Wanted(
        "MX",
        own.domain,
        "MX",
        f"10 {own.hostname}.",
        "Where mail for the domain goes.",
        partial(verdict.mail_exchanger, hostname=own.hostname),
    )
    why = "Where the mail host is."
    for address in own.addresses or ("",):
        kind = "AAAA" if ":" in address else "A"
        yield Wanted(kind, own.hostname, kind, address, why, partial(verdict.addresses, wanted=address))
    for address in own.addresses:
        yield Wanted(
            "PTR",
            ipaddress.ip_address(address).reverse_pointer,
            "PTR",
            f"{own.hostname}.",
            "The name of our address; who runs the network sets it. Many hosts take no mail without it.",
            partial(verdict.pointer, hostname=own.hostname),
        )


def policies(own: Own) -> Iterator[Wanted]:
    """SPF and DMARC."""
    yield Wanted(
        "SPF",
        own.domain,
        "TXT",
        "v=spf1 mx -all",
        "Which hosts send mail of the domain (RFC 7208).",
        partial(verdict.spf, domain=own.domain, hostname=own.hostname, own=own.addresses),
    )
    if own.hostname != own.domain:
        yield Wanted(
            "SPF of the host",
            own.hostname,
            "TXT",
            "v=spf1 a -all",
            "Which hosts may call themselves that (HELO), and bring mail without a sender, such as reports.",
            partial(verdict.spf, domain=own.hostname, hostname=own.hostname, own=own.addresses),
            needed=False,
        )
    to = own.settings.dmarc.report_address or f"dmarc-reports@{own.domain}"
    yield Wanted(
        "DMARC",
        f"_dmarc.{own.domain}",
        "TXT",
        f"v=DMARC1; p=reject; rua=mailto:{to}",
        "What others do with mail that is forged in our name, and where they report it (RFC 7489).",
        verdict.dmarc_record,
    )
    elsewhere = to.rpartition("@")[2]
    if organisational(elsewhere) != organisational(own.domain):
        yield Wanted(
            "DMARC reports",
            f"{own.domain}._report._dmarc.{elsewhere}",
            "TXT",
            "v=DMARC1",
            f"That {elsewhere} wants the reports about {own.domain}; without it nobody sends them (RFC 7489 §7.1).",
            partial(verdict.same, wanted="v=DMARC1"),
        )


def transport(own: Own) -> Iterator[Wanted]:
    """TLS between mail hosts: MTA-STS, its reports, and who may issue certificates."""
    yield Wanted(
        "MTA-STS",
        f"_mta-sts.{own.domain}",
        "TXT",
        f"v=STSv1; id={policy_id(own)}",
        f"That others must use TLS to reach us (RFC 8461); https://mta-sts.{own.domain}/.well-known/mta-sts.txt holds"
        " the policy.",
        partial(verdict.tagged, version="STSv1", tag="id"),
        needed=False,
    )
    yield Wanted(
        "TLS-RPT",
        f"_smtp._tls.{own.domain}",
        "TXT",
        f"v=TLSRPTv1; rua=mailto:tls-reports@{own.domain}",
        "Where others report that TLS to us failed (RFC 8460).",
        partial(verdict.tagged, version="TLSRPTv1", tag="rua"),
        needed=False,
    )
    yield Wanted(
        "CAA",
        own.hostname,
        "CAA",
        "",
        'Who may issue certificates for the mail host (RFC 8659), as in: 0 issue "letsencrypt.org".',
        verdict.issuers,
        needed=False,
    )


def programs(own: Own) -> Iterator[Wanted]:
    """Where mail programs find what they need by themselves (RFC 6186, RFC 8314 §5.1)."""
    for service in ("submissions", "submission", "imaps", "pop3s"):
        port = int(getattr(own.settings.listen, service, 0))
        if port:
            yield Wanted(
                "SRV",
                f"_{service}._tcp.{own.domain}",
                "SRV",
                f"0 1 {port} {own.hostname}.",
                "Where mail programs find the service by themselves (RFC 6186).",
                partial(verdict.service, hostname=own.hostname, port=port),
                needed=False,
            )
    port = int(getattr(own.settings.listen, "https", 0))
    if port:
        yield Wanted(
            "autodiscover",
            f"_autodiscover._tcp.{own.domain}",
            "SRV",
            f"0 1 {port} {own.hostname}.",
            "Where Outlook asks for the settings of a mail program.",
            partial(verdict.service, hostname=own.hostname, port=port),
            needed=False,
        )


def sts_policy(own: Own) -> str:
    """The file that MTA-STS wants at its address (RFC 8461 §3.2)."""
    return f"version: STSv1\nmode: enforce\nmx: {own.hostname}\nmax_age: 604800\n"


def policy_id(own: Own) -> str:
    """Another one for another policy."""
    return hashlib.blake2b(sts_policy(own).encode(), digest_size=8).hexdigest()


def signatures(own: Own) -> Iterator[Wanted]:
    """The public halves of the keys that sign mail."""
    from backend.policy.dkim import publish  # other commands do without the arithmetic

    keys = dkim_keys.everything(own.reader, own.domain) if own.reader is not None else []
    for name, kind, value in publish.records(own.domain, keys):
        judge = partial(verdict.same, wanted=value)
        yield Wanted("DKIM key", name, kind, value, "Others verify our signatures by it.", judge)


PROVIDERS: tuple[Provider, ...] = (host, policies, signatures, transport, programs)


def collect(own: Own, providers: Iterable[Provider] | None = None) -> list[Wanted]:
    """All that should be published for a domain."""
    return [one for provider in (PROVIDERS if providers is None else providers) for one in provider(own)]
