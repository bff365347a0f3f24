"""A real name server with policies, and messages whose SPF and DKIM are as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from ipaddress import ip_address
from typing import Any, TypeVar

import pytest

from backend import ids
from backend.address import parse
from backend.config import Dmarc, HostPort, Settings
from backend.config import Dns as DnsSettings
from backend.content.scan import Incoming
from backend.policy.arc.chain import Chain
from backend.policy.check import Services, Verdict
from backend.policy.dmarc.check import check
from backend.policy.finding import Finding, Result
from backend.resolver.lookups import Lookups
from backend.resolver.resolver import Resolver
from backend.smtp.header import Fields
from backend.smtp.session import MailTransaction, Recipient, Session
from backend.store.accounts import Resolution
from backend.store.bodies import Body
from tests.harness.dns import BROKEN, Dns


def txt(text: str) -> str:
    """A TXT record's data."""
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


def policy(text: str, more: str = "") -> str:
    """A zone with this policy."""
    return f"@ A 127.0.0.1\n_dmarc TXT {txt(text)}\n{more}"


T = TypeVar("T")

ZONES = {
    "reject.test": policy("v=DMARC1; p=reject; rua=mailto:rua@reject.test", "sub A 127.0.0.1"),
    "quarantine.test": policy("v=DMARC1; p=quarantine"),
    "watch.test": policy("v=DMARC1; p=none; rua=mailto:rua@watch.test"),
    "strict.test": policy("v=DMARC1; p=reject; adkim=s; aspf=s"),
    "spared.test": policy("v=DMARC1; p=reject; sp=none", "sub A 127.0.0.1"),
    "np.test": policy("v=DMARC1; p=none; sp=none; np=reject", "sub A 127.0.0.1\ntext TXT x"),
    "own.test": policy("v=DMARC1; p=none", f"_dmarc.sub TXT {txt('v=DMARC1; p=reject')}"),
    "sampled.test": policy("v=DMARC1; p=reject; pct=0"),
    "half.test": policy("v=DMARC1; p=reject; pct=50"),
    "two.test": policy("v=DMARC1; p=reject", f"_dmarc TXT {txt('v=DMARC1; p=none')}"),
    "other.test": policy("v=DMARC1; p=reject", f"_dmarc TXT {txt('hello')}"),
    "wrong.test": policy("v=DMARC1; p=what"),
    "plain.test": "@ A 127.0.0.1",
    "long.test": policy("v=DMARC1; p=reject; x=" + "y" * 600),
    "broken.test": BROKEN,
    "lists.test": policy("v=DMARC1; p=none"),
}


@pytest.fixture(scope="session")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    """One for all tests."""
    with Dns(tmp_path_factory.mktemp("dmarc") / "nsd", ZONES) as made:
        yield made


@pytest.fixture
def resolver(nameserver: Dns) -> Resolver:
    """That asks it. Called in the event loop of a test."""
    settings = DnsSettings((HostPort("127.0.0.1", nameserver.port),), timeout_seconds=10.0, lifetime_seconds=20.0)
    return Resolver(settings)


def spf(value: str, sender: str = "", helo: str = "") -> Finding:
    """What the SPF check says."""
    properties = (("smtp.mailfrom", sender),) if sender else (("smtp.helo", helo),)
    return Finding(value, results=(Result("spf", value, properties),))


def dkim(*results: tuple[str, str]) -> Finding:
    """What the DKIM check says: (value, domain) of each signature."""
    return Finding("pass", results=tuple(Result("dkim", v, (("header.d", d), ("header.s", "s1"))) for v, d in results))


def made(kind: type[T], **known: Any) -> T:
    """A value of a dataclass of which the check looks at these fields only."""
    named: Any = fields(kind)  # type: ignore[arg-type]
    return kind(**{item.name: known.get(item.name) for item in named})


class Judge:
    """Hands messages to the check."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.settings = replace(
            Settings(), site=replace(Settings().site, hostname="mail.example.org", domain="example.org")
        )
        self.mail = MailTransaction(None)

    def set(self, **changes: Any) -> None:
        """Other settings of [dmarc]."""
        self.settings = replace(self.settings, dmarc=replace(Dmarc(), **changes))

    async def __call__(
        self,
        header: str,
        *,
        sender: str = "bounce@elsewhere.test",
        peer: str = "192.0.2.7",
        to: str = "bob@example.org",
        allowed: str = "",
        client_allowed: bool = False,
        chain: Chain | None = None,
        **findings: Finding,
    ) -> Verdict | None:
        """The verdict on a message with this header."""
        section = f"{header}\r\n".encode()
        session = Session("S", ip_address(peer), "192.0.2.1", "smtp", helo="client.test", esmtp=True)
        session.lookups = Lookups(self.resolver, 200, 20.0)
        self.mail = session.mail = MailTransaction(parse(sender) if sender else None)
        self.mail.allowed, self.mail.client_allowed = allowed, client_allowed
        self.mail.chain = chain
        self.mail.recipients.append(Recipient(parse(to), Resolution((), ()), True))
        self.mail.findings.update(findings)
        body = Body(size=len(section), data=section)
        self.mail.content = made(
            Incoming, id=ids.new(), session=session, header=section, fields=Fields(section), body=body
        )
        return await check(session, made(Services, settings=self.settings, resolver=self.resolver, now=lambda: 0.0))

    @property
    def finding(self) -> Finding:
        """What the check wrote down."""
        return self.mail.findings["dmarc"]

    @property
    def words(self) -> str:
        """Its result, as Authentication-Results will have it."""
        (one,) = self.finding.results
        return f"{one.method}={one.value} " + " ".join(f"{name}={value}" for name, value in one.properties)


@pytest.fixture
async def judge(resolver: Resolver) -> Judge:
    """A site's check, with the settings that a new site has."""
    return Judge(resolver)
