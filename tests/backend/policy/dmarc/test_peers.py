"""Others agree: authheaders (PyPI) and libopendmarc (Debian), on the same policies and the same proof.

What they are asked and what we are asked differs in one thing: we get the policies from a real name server.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from backend.config import Dns as DnsSettings
from backend.config import HostPort
from backend.policy.dmarc import record as records
from backend.policy.dmarc.domains import organisational
from backend.policy.dmarc.evaluation import Outcome, evaluate
from backend.policy.dmarc.proof import Identity, Proof
from backend.resolver.resolver import Resolver
from tests.backend.policy.dmarc.conftest import txt
from tests.harness.dns import Dns

_ALIGNMENTS = ("", "; adkim=s", "; aspf=s", "; adkim=s; aspf=s")
_POLICIES = ("p=none", "p=reject", "p=quarantine; sp=none", "p=none; sp=reject", "p=reject; sp=quarantine")
TEXTS = [f"v=DMARC1; {policy}{strict}" for policy in _POLICIES for strict in _ALIGNMENTS]
ORGANISATIONS = {f"org{number}.co.uk": text for number, text in enumerate(TEXTS)}
SPF = (None, "pass", "fail")
DKIM = (None, "pass", "fail")


@pytest.fixture(scope="module")
def resolver_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsSettings]:
    zones = {
        domain: f"@ A 127.0.0.1\nsub A 127.0.0.1\n_dmarc TXT {txt(text)}" for domain, text in ORGANISATIONS.items()
    }
    with Dns(tmp_path_factory.mktemp("peers") / "nsd", zones) as server:
        yield DnsSettings((HostPort("127.0.0.1", server.port),))


def cases() -> Iterator[tuple[str, str, str, Proof]]:
    """Author, organisational domain, its record, and what was proven: 3,240 of them."""
    for domain, text in ORGANISATIONS.items():
        for author in (domain, f"sub.{domain}"):
            proven = (domain, f"sub.{domain}", "elsewhere.test")
            for spf, dkim, at, by in itertools.product(SPF, DKIM, proven, proven):
                yield author, domain, text, Proof(
                    Identity(at, spf, scope="mfrom") if spf else None,
                    (Identity(by, dkim, selector="s"),) if dkim else (),
                )  # fmt: skip


async def ours(resolver: Resolver, author: str, proof: Proof) -> Outcome:
    return await evaluate(resolver, [author], proof, b"")


async def test_authheaders_agrees(resolver_settings: DnsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    authheaders: Any = pytest.importorskip("authheaders")
    authres: Any = pytest.importorskip("authres")
    remembered = cache(authheaders.dmarc_lookup.get_org_domain)  # else it reads the whole list each time
    for place in (authheaders, authheaders.dmarc_lookup):
        monkeypatch.setattr(place, "get_org_domain", remembered)
    resolver, number = Resolver(resolver_settings), 0
    for author, domain, _, proof in cases():
        sender = proof.spf or Identity("elsewhere.test", "none")
        spf = authres.SPFAuthenticationResult(result=sender.result, smtp_mailfrom=f"x@{sender.domain}")
        signed = [authres.DKIMAuthenticationResult(result=one.result, header_d=one.domain) for one in proof.dkim]
        theirs = authheaders.dmarc_per_from(author, spf, signed[0] if signed else None, dnsfunc=_told)
        found = await ours(resolver, author, proof)
        assert found.value == theirs[0], (author, proof, theirs)
        if author != domain:  # for the domain itself it answers `sp`, which is for others (RFC 7489 section 6.3)
            assert found.policy == theirs[3], (author, proof, theirs)
        number += 1
    assert number == 3_240


def _told(name: str, *_: Any, **__: Any) -> str:
    return ORGANISATIONS.get(name.rstrip(".").removeprefix("_dmarc."), "")


class Library(ctypes.Structure):
    """OPENDMARC_LIB_T of dmarc.h."""

    _fields_ = (
        ("tld_type", ctypes.c_int),
        ("tld_source_file", ctypes.c_char * 4_096),
        ("nscount", ctypes.c_int),
        ("nsaddr_list", ctypes.c_char * 16 * 3),
    )


_SUFFIXES = Path("/usr/share/publicsuffix/public_suffix_list.dat")
_OUTCOMES = {"pass": 1, "fail": 2}
_ENFORCED = {15: "pass", 16: "reject", 17: "quarantine", 18: "none"}


@pytest.fixture(scope="module")
def opendmarc() -> Iterator[ctypes.CDLL]:
    name = ctypes.util.find_library("opendmarc")
    if name is None or not _SUFFIXES.exists():
        pytest.skip("libopendmarc is not here")
    library = ctypes.CDLL(name)
    library.opendmarc_policy_connect_init.restype = ctypes.c_void_p
    settings = Library(1, bytes(_SUFFIXES))
    assert library.opendmarc_policy_library_init(ctypes.byref(settings)) == 0
    yield library
    library.opendmarc_policy_library_shutdown(ctypes.byref(settings))


def enforced(library: ctypes.CDLL, author: str, domain: str, text: str, proof: Proof) -> str:
    """What OpenDMARC would do: pass, or the policy."""
    context = ctypes.c_void_p(library.opendmarc_policy_connect_init(b"192.0.2.1", 4))
    try:
        assert library.opendmarc_policy_store_from_domain(context, author.encode()) == 0
        if proof.spf is not None:
            outcome = _OUTCOMES[proof.spf.result]
            assert library.opendmarc_policy_store_spf(context, proof.spf.domain.encode(), outcome, 1, b"") == 0
        for one in proof.dkim:
            outcome = _OUTCOMES[one.result]
            assert library.opendmarc_policy_store_dkim(context, one.domain.encode(), b"s", outcome, b"") == 0
        organisation = domain.encode() if domain != author else None
        stored = library.opendmarc_policy_store_dmarc(context, text.encode(), author.encode(), organisation)
        assert stored == 0, stored
        return _ENFORCED[library.opendmarc_get_policy_to_enforce(context)]
    finally:
        library.opendmarc_policy_connect_shutdown(context)


async def test_opendmarc_agrees(opendmarc: ctypes.CDLL, resolver_settings: DnsSettings) -> None:
    resolver, same, loose = Resolver(resolver_settings), 0, 0
    for author, domain, text, proof in cases():
        found = await ours(resolver, author, proof)
        said = "pass" if found.value == "pass" else found.policy
        theirs = enforced(opendmarc, author, domain, text, proof)
        if said != theirs and _taken_for_strict(author, domain, text, proof):
            loose += 1
            continue
        assert said == theirs, (author, text, proof)
        same += 1
    assert same + loose == 3_240
    assert loose < 200


def _taken_for_strict(author: str, domain: str, text: str, proof: Proof) -> bool:
    """Where OpenDMARC 1.4 passes what RFC 7489 §3.1.1 does not: a subdomain for its parent, in strict mode."""
    record, below = records.parse(text), f"sub.{domain}"
    spf = record.strict_spf and proof.spf is not None and proof.spf.domain == below and proof.spf.result == "pass"
    dkim = record.strict_dkim and any(one.domain == below and one.result == "pass" for one in proof.dkim)
    return author == domain and (spf or dkim)


@pytest.mark.parametrize(
    "text",
    ["v=DMARC1; p=none", "v=DMARC1;p=reject", "v=DMARC1; p=reject; pct=30", "v=DMARC1 ; p = quarantine",
     "v=DMARC1; p=REJECT", "v=DMARC1; p=none; rua=mailto:a@example.org", "v=DMARC1; p=what", "v=DMARC2; p=none",
     "v=spf1 -all", "nonsense"],
)  # fmt: skip
def test_opendmarc_reads_records_as_we_do(opendmarc: ctypes.CDLL, text: str) -> None:
    context = ctypes.c_void_p(opendmarc.opendmarc_policy_connect_init(b"192.0.2.1", 4))
    theirs = opendmarc.opendmarc_policy_parse_dmarc(context, b"example.org", text.encode()) == 0
    wanted, percent = ctypes.c_int(), ctypes.c_int()
    opendmarc.opendmarc_policy_fetch_p(context, ctypes.byref(wanted))
    opendmarc.opendmarc_policy_fetch_pct(context, ctypes.byref(percent))
    opendmarc.opendmarc_policy_connect_shutdown(context)
    try:
        record = records.parse(text)
    except records.ParseError:
        assert not theirs
        return
    assert theirs
    assert (record.p[0], record.pct) == (chr(wanted.value), percent.value)


@pytest.mark.parametrize(
    "domain",
    ["a.example.com", "a.b.c.example.co.uk", "example.org", "www.caha.es", "x.y.gov.au", "co.uk"],
)
def test_opendmarc_knows_the_same_owners(opendmarc: ctypes.CDLL, domain: str) -> None:
    found = ctypes.create_string_buffer(256)
    assert opendmarc.opendmarc_get_tld(domain.encode(), found, 256) == 0
    assert found.value.decode() == organisational(domain)
