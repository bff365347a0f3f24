"""Others verify what we sign and we verify what they sign: dkimpy and OpenDKIM, with keys in a real name server."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import dkim
import dns.resolver
import pytest

from backend.config import Dns as DnsSettings
from backend.config import HostPort
from backend.policy.dkim import sign
from backend.policy.dkim.letter import letter
from backend.policy.dkim.sign import SigningKey
from backend.policy.dkim.verify import Rules, verify
from backend.resolver.resolver import Resolver
from tests.harness import opendkim
from tests.harness.dns import Dns
from tests.harness.keys import ed25519, pair, pem, published, rsa, zone

DOMAIN = "client.test"
FORMS = [f"{header}/{body}" for header, body in itertools.product(("simple", "relaxed"), repeat=2)]
NOW = time.time()
HEAD = (
    b"From: Ann <ann@client.test>\r\nTo: bob@example.org,\r\n\tCarol <carol@example.org>\r\n"
    b"Subject:  hello \t you\r\n there\r\n"
    b"Date: Tue, 24 Nov 2026 05:00:00 +0000\r\nMessage-ID:<1@client.test>\r\nX-Empty:\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nReceived: one\r\nReceived: two\r\n"
)
# A milter, as OpenDKIM is one, is told fields without the first space, and puts one back.
MILTER_HEAD = HEAD.replace(b":  hello", b": hello").replace(b":<1", b": <1")
BODIES = {
    "plain": b"Dear Bob,\r\n\r\nhow are you?\r\n",
    "empty": b"",
    "nothing but lines": b"\r\n\r\n\r\n",
    "space": b" \t leading\r\nwithin \t  it \t \r\n\t\r\n  \r\n\r\n\r\n",
    "dots": b".\r\n..\r\n.dot\r\n",
    "eight bits": "Grüße — ☃\r\n".encode() + b"\xff\xfe\x80\r\n",
    "long": b"x" * 2_000 + b"\r\n" + b"y  z\r\n" * 30_000,
}
KEYS = pair(DOMAIN)
# What OpenDKIM 2.11 signs with Ed25519 and a simple header, neither OpenDKIM itself nor dkimpy can verify.
OPENDKIMS = [(key, form) for key in KEYS for form in FORMS if key is KEYS[0] or form.startswith("relaxed")]


@pytest.fixture(scope="module")
def name_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    with Dns(tmp_path_factory.mktemp("dns") / "nsd", {DOMAIN: zone(published(DOMAIN), DOMAIN)}) as found:
        yield found


def asked(name_server: Dns) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], name_server.port
    return resolver


def ours(message: bytes, name_server: Dns, now: float = NOW) -> list[str]:
    async def go() -> list[str]:
        asks = Resolver(DnsSettings(nameservers=(HostPort("127.0.0.1", name_server.port),)))
        found = await verify(letter(message), asks, Rules(now, oldest_days=0))
        assert all(one.value == "pass" or one.reason for one in found)
        return [one.value for one in found]

    return asyncio.run(go())


@pytest.mark.parametrize("name", BODIES)
def test_dkimpy_verifies_ours(name: str, name_server: Dns) -> None:
    resolver = asked(name_server)

    def text(host: bytes, timeout: float = 5) -> bytes:
        return b"".join(resolver.resolve(host.decode(), "TXT")[0].strings)

    signed = sign.sign(HEAD, BODIES[name], KEYS, NOW) + HEAD + b"\r\n" + BODIES[name]
    assert [dkim.DKIM(signed).verify(idx=number, dnsfunc=text) for number in (0, 1)] == [True, True]
    assert ours(signed, name_server) == ["pass", "pass"]
    with pytest.raises(dkim.ValidationError):  # so it is the signature that it looked at
        dkim.DKIM(signed + b"more\r\n").verify(dnsfunc=text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
@pytest.mark.parametrize("name", BODIES)
def test_we_verify_dkimpys(name: str, algorithm: str, form: str, name_server: Dns) -> None:
    if algorithm == "rsa-sha256":
        selector, private = b"rsa", pem(rsa())
    else:
        import base64

        selector, private = b"ed", base64.b64encode(ed25519().private_bytes_raw())
    header, body = (part.encode() for part in form.split("/"))
    message = HEAD + b"\r\n" + BODIES[name]
    signature = dkim.DKIM(message, signature_algorithm=algorithm.encode()).sign(
        selector, DOMAIN.encode(), private, canonicalize=(header, body)
    )
    assert ours(signature + message, name_server, now=_time(signature)) == ["pass"]
    changed = (signature + message).replace(b"hello", b"hallo")
    assert ours(changed, name_server, now=_time(signature)) == ["fail"]


def _time(signature: bytes) -> float:
    return float(signature.split(b"t=")[1].split(b";")[0])


@pytest.mark.skipif(not opendkim.HERE, reason="OpenDKIM is not here")
@pytest.mark.parametrize("name", BODIES)
def test_opendkim_verifies_ours(name: str, name_server: Dns, tmp_path: Path) -> None:
    signed = sign.sign(HEAD, BODIES[name], KEYS, NOW) + HEAD + b"\r\n" + BODIES[name]
    assert opendkim.verify(tmp_path, signed, name_server.address) == ["pass", "pass"]
    assert opendkim.verify(tmp_path, signed.replace(b"hello", b"hallo"), name_server.address) == ["fail", "fail"]


@pytest.mark.skipif(not opendkim.HERE, reason="OpenDKIM is not here")
@pytest.mark.parametrize(("key", "form"), OPENDKIMS, ids=lambda value: getattr(value, "algorithm", value))
@pytest.mark.parametrize("name", BODIES)
def test_we_verify_opendkims(name: str, key: SigningKey, form: str, name_server: Dns, tmp_path: Path) -> None:
    signed = opendkim.sign(tmp_path, MILTER_HEAD + b"\r\n" + BODIES[name], key, form)
    assert ours(signed, name_server, now=_time(signed)) == ["pass"]
    assert ours(signed.replace(b"hello", b"hallo"), name_server, now=_time(signed)) == ["fail"]
