"""DANE over real sockets: zones that are signed, a resolver that validates, mail hosts with certificates (RFC 7672)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backend.config import DomainTls, Outbound
from backend.store import sts_policies
from backend.store.sts_policies import Kept
from tests.backend.delivery.post import Post, until
from tests.harness.authority import Issued, issue, trust
from tests.harness.dnssec import SignedDns
from tests.harness.ports import free_port
from tests.harness.sink import CLOSE, Sink

ROOT = issue("root of the tests", authority=True)
MX = issue("mx.good.test", ROOT)
UNUSABLE = f"1 1 1 {'ab' * 32}"


@dataclass(frozen=True)
class Net:
    """The name server, and the port of all mail hosts."""

    dns: SignedDns
    port: int


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """Domains of every kind; each mail host is 127.0.0.2x."""
    port = free_port("127.0.0.21")
    at = f"_{port}._tcp"
    expired = issue("mx.expired.test", ROOT, days=-1)
    zones = {
        "good.test": f"@ MX 10 mx\nmx A 127.0.0.21\n{at}.mx TLSA {MX.tlsa(3)}",
        "anchor.test": f"@ MX 10 mx\nmx A 127.0.0.21\n{at}.mx TLSA {ROOT.tlsa(2)}",
        "expired.test": f"@ MX 10 mx\nmx A 127.0.0.21\n{at}.mx TLSA {expired.tlsa(3)}",
        "unusable.test": f"@ MX 10 mx\nmx A 127.0.0.21\n{at}.mx TLSA {UNUSABLE}",
        "without.test": "@ MX 10 mx\nmx A 127.0.0.21",
        "nomx.test": f"@ A 127.0.0.21\n{at} TLSA {MX.tlsa(3)}",
        "alias.test": f"@ MX 10 other\nother CNAME mx\nmx A 127.0.0.21\n{at}.mx TLSA {MX.tlsa(3)}",
        "away.test": f"@ MX 10 mx\nmx CNAME mx.plain.test.\n{at}.mx TLSA {MX.tlsa(3)}",
        "two.test": f"@ MX 10 one\n@ MX 20 two\none A 127.0.0.21\ntwo A 127.0.0.22\n"
        f"{at}.one TLSA {UNUSABLE.replace('1 1 1', '3 1 1')}\n{at}.two TLSA {MX.tlsa(3)}",
        "tobogus.test": "@ MX 10 mx.bogus.test.",
        "notlsa.test": f"@ MX 10 mx\nmx A 127.0.0.21\n{at}.mx CNAME x.bogus.test.",
        "malformed.test": f"@ MX 10 mx\nmx A 127.0.0.21\n{at}.mx TYPE52 \\# 5 0301010000",
        "plain.test": f"@ MX 10 mx\nmx A 127.0.0.21\n{at}.mx TLSA 3 1 1 {'ab' * 32}",
        "bogus.test": f"@ MX 10 mx\nmx A 127.0.0.21\nx TLSA {MX.tlsa(3)}",
    }  # fmt: skip
    signed = [zone for zone in zones if zone not in ("plain.test", "bogus.test")]
    with SignedDns(tmp_path_factory.mktemp("dns"), zones, signed=signed, bogus=["bogus.test"]) as running:
        yield Net(running, port)


@contextlib.asynccontextmanager
async def posting(
    folder: Path, net: Net, *, validating: bool = True, seconds: float = 20.0, **outbound: object
) -> AsyncIterator[Post]:
    """A delivery that asks the validating resolver, and gives up after so many seconds."""
    made = Post(folder, nameserver=net.dns.address, port=net.port)
    dns = replace(made.settings.dns, validating=validating, timeout_seconds=seconds / 2, lifetime_seconds=seconds)
    wanted = replace(Outbound(mta_sts=False), **outbound)  # type: ignore[arg-type]
    made.settings = replace(made.settings, dns=dns, outbound=wanted)
    async with made as post:
        yield post


@contextlib.contextmanager
def host(folder: Path, net: Net, shows: Issued | None, address: str = "127.0.0.21", **more: object) -> Iterator[Sink]:
    """A mail host that shows this certificate."""
    context = shows.server(folder) if shows is not None else None
    with Sink(host=address, port=net.port, tls=context, **more) as sink:  # type: ignore[arg-type]
        yield sink


def details(post: Post, verdict: str) -> str:
    """What the trace says of deliveries that ended so."""
    rows = post.store.read(lambda reader: reader.rows("SELECT detail FROM events WHERE verdict = ?", (verdict,)))
    return " ".join(row[0] for row in rows)


async def arrives(post: Post, sink: Sink, domain: str, sure: str) -> None:
    """Mail to that domain gets there, and the trace says how sure it was."""
    await post.send(f"bob@{domain}")
    await post.gone()
    assert len(sink.messages) == 1
    assert sink.messages[0].tls is (sure != "none")
    assert f'"trust":"{sure}"' in details(post, "relayed").replace(" ", "")
    assert not post.inbox()


async def waits(post: Post, sink: Sink, domain: str, status: str, failure: str) -> None:
    """Mail to that domain waits, and nobody got a byte of it."""
    message = await post.send(f"bob@{domain}")
    [entry] = await post.tried(message)
    assert entry.state == "deferred"
    assert not sink.messages
    assert not sink.count("MAIL")
    detail = details(post, "deferred")
    assert f'"{status}"' in detail, detail
    assert f'"{failure}"' in detail, detail


GOOD: Mapping[str, str] = {
    "good.test": "dane",
    "anchor.test": "dane",
    "nomx.test": "dane",
    "alias.test": "dane",
    "away.test": "dane",  # the address is not proved, the alias is (§2.2.2)
    "without.test": "opportunistic",
    "plain.test": "opportunistic",  # its TLSA record is in a zone that is not signed
    "unusable.test": "encrypted",
}


@pytest.mark.parametrize("domain", GOOD)
async def test_who_is_who_they_say(tmp_path: Path, net: Net, domain: str) -> None:
    shown = issue("mx.anchor.test", ROOT) if domain == "anchor.test" else MX
    with host(tmp_path, net, shown) as sink:
        async with posting(tmp_path, net) as post:
            await arrives(post, sink, domain, GOOD[domain])


@pytest.mark.parametrize("domain", [domain for domain, trust in GOOD.items() if trust == "dane"])
async def test_who_is_not(tmp_path: Path, net: Net, domain: str) -> None:
    """A certificate of somebody else, though for the right name and from a real authority."""
    stranger = issue(f"mx.{domain}", issue("other root", authority=True))
    with host(tmp_path, net, stranger) as sink:
        async with posting(tmp_path, net) as post:
            await waits(post, sink, domain, "4.7.5", "validation-failure")


@pytest.mark.parametrize("domain", ["good.test", "anchor.test", "unusable.test"])
async def test_no_tls_where_records_ask_for_it(tmp_path: Path, net: Net, domain: str) -> None:
    """As when somebody on the way takes STARTTLS out of the answer."""
    with host(tmp_path, net, None) as sink:
        async with posting(tmp_path, net) as post:
            await waits(post, sink, domain, "4.7.10", "starttls-not-supported")


async def test_a_handshake_that_fails_is_not_gone_around(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net, MX, script={"STARTTLS": CLOSE}) as sink:
        async with posting(tmp_path, net) as post:
            await waits(post, sink, "good.test", "4.7.5", "validation-failure")


async def test_names_and_dates_by_usage(tmp_path: Path, net: Net) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with host(tmp_path, net, issue("mx.elsewhere.test", ROOT)) as sink:
        async with posting(other, net) as post:
            await waits(post, sink, "anchor.test", "4.7.5", "certificate-host-mismatch")
    with host(tmp_path, net, issue("mx.anchor.test", ROOT, days=-1)) as sink:
        async with posting(tmp_path, net) as post:
            await waits(post, sink, "anchor.test", "4.7.5", "certificate-expired")


@pytest.mark.parametrize("domain", ["tobogus.test", "bogus.test", "notlsa.test"])
async def test_what_the_resolver_cannot_prove_waits(tmp_path: Path, net: Net, domain: str) -> None:
    with host(tmp_path, net, MX) as sink:
        async with posting(tmp_path, net) as post:
            message = await post.send(f"bob@{domain}")
            [entry] = await post.tried(message)
            assert entry.state == "deferred"
            assert '"4.4.3"' in details(post, "deferred")
            assert not sink.commands


async def test_the_next_host_when_the_first_is_a_stranger(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net, MX) as first, host(tmp_path, net, MX, "127.0.0.22") as second:
        async with posting(tmp_path, net) as post:
            await arrives(post, second, "two.test", "dane")
            assert not first.messages


async def test_dane_goes_before_mta_sts_either_way(tmp_path: Path, net: Net) -> None:
    """A host that DANE vouches for gets its mail though the policy names another; one that DANE does not vouch for
    gets none though the policy would be content (RFC 8461 §2).
    """
    stranger = issue("mx.good.test", ROOT)
    async with posting(tmp_path, net, mta_sts=True, ca_file=trust(tmp_path, ROOT)) as post:

        async def publish(mx: str) -> None:
            now = time.time()
            policy = Kept("good.test", "1", "enforce", (mx,), 86_400, now, now + 86_400, now)
            await post.store.commit(lambda transaction: sts_policies.put(transaction, policy))

        await publish("mx.elsewhere.test")
        with host(tmp_path, net, MX) as sink:
            await arrives(post, sink, "good.test", "dane")
            await until(lambda: sink.count("QUIT"), "the idle connection ends")
        await publish("mx.good.test")
        with host(tmp_path, net, stranger) as sink:
            await waits(post, sink, "good.test", "4.7.5", "validation-failure")


async def test_records_that_are_no_records_wait(tmp_path: Path, net: Net) -> None:
    """One that cannot even be read spoils the whole answer: nothing is known, nothing goes out."""
    with host(tmp_path, net, MX) as sink:
        async with posting(tmp_path, net, seconds=5.0) as post:
            await waits(post, sink, "malformed.test", "4.4.3", "dnssec-invalid")


async def test_a_host_that_is_itself_again_gets_its_mail(tmp_path: Path, net: Net) -> None:
    async with posting(tmp_path, net) as post:
        with host(tmp_path, net, None) as sink:
            message = await post.send("bob@good.test")
            await post.tried(message)
            assert not sink.messages
        with host(tmp_path, net, MX) as sink:
            await post.retry(message)
            await post.gone()
            assert sink.messages[0].tls


async def test_who_does_not_validate_asks_for_nothing(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net, issue("stranger")) as sink:
        async with posting(tmp_path, net, validating=False) as post:
            await arrives(post, sink, "good.test", "opportunistic")


@pytest.mark.parametrize(
    ("tls", "domain", "trust"),
    [
        ("may", "good.test", "opportunistic"),
        ("none", "good.test", "none"),
        ("dane", "good.test", ""),
        ("dane", "plain.test", ""),
        ("must", "without.test", ""),
        ("must", "unusable.test", ""),
    ],
)
async def test_exceptions_of_the_site(tmp_path: Path, net: Net, tls: str, domain: str, trust: str) -> None:
    with host(tmp_path, net, issue("stranger")) as sink:
        async with posting(tmp_path, net, domain=(DomainTls(domain, tls),)) as post:
            if trust:
                await arrives(post, sink, domain, trust)
            else:
                failure = {"good.test": "validation-failure", "plain.test": "dane-required"}.get(domain)
                await waits(post, sink, domain, "4.7.5", failure or "certificate-not-trusted")


async def test_sessions_are_counted(tmp_path: Path, net: Net) -> None:
    async with posting(tmp_path, net) as post:
        with host(tmp_path, net, issue("stranger")) as sink:
            await waits(post, sink, "good.test", "4.7.5", "validation-failure")
        with host(tmp_path, net, MX):
            await post.send("bob@without.test")
            await post.send("bob@unusable.test")
            await until(lambda: len(post.entries()) == 1, "the others have gone")
        post.runner.results.flush()
        sql = "SELECT domain, policy, result, mx, address, number FROM tls_results ORDER BY domain"
        rows = await until(lambda: post.store.read(lambda reader: reader.rows(sql)), "counted")
        assert rows == [
            ("good.test", "tlsa", "validation-failure", "mx.good.test", "127.0.0.21", 1),
            ("unusable.test", "tlsa", "tlsa-invalid", "mx.unusable.test", "127.0.0.21", 1),
            ("without.test", "no-policy-found", "", "", "", 1),
        ]
        standing = "SELECT domain, failing_since IS NOT NULL, last_success IS NOT NULL FROM tls_domains ORDER BY domain"
        assert post.store.read(lambda reader: reader.rows(standing)) == [
            ("good.test", 1, 0),
            ("unusable.test", 0, 1),
        ]


async def test_when_all_is_broken_nothing_is_lost_and_nothing_goes_out(tmp_path: Path, net: Net) -> None:
    """The resolver dies, then the certificates are wrong; when all is well again everything arrives, once."""
    domains = ["good.test", "anchor.test", "alias.test", "unusable.test", "without.test", "bogus.test"]
    async with posting(tmp_path, net, seconds=5.0) as post:
        net.dns.pause()
        sent = {domain: await post.send(f"bob@{domain}") for domain in domains}
        for message in sent.values():
            [entry] = await post.tried(message)
            assert entry.state == "deferred"
        net.dns.resume()
        await asyncio.sleep(2.1)  # a look-up that failed is remembered for two seconds
        sure = [domain for domain in domains if domain not in ("without.test", "unusable.test")]
        with host(tmp_path, net, issue("stranger")) as sink:
            for domain in sure:
                await post.retry(sent[domain])
                [entry] = await post.tried(sent[domain], 2)
                assert domain == "bogus.test" or "certificate" in str(entry.error)
            assert not sink.count("MAIL")
        both = issue("mx.anchor.test", ROOT)
        with host(tmp_path, net, both) as sink:
            for domain in ("anchor.test", "unusable.test", "without.test"):
                await post.retry(sent[domain])
                await post.gone(sent[domain])
            assert len(sink.messages) == 3
        with host(tmp_path, net, MX) as sink:
            for domain in ("good.test", "alias.test"):
                await post.retry(sent[domain])
                await post.gone(sent[domain])
            assert len(sink.messages) == 2
        assert {entry.domain for entry in post.entries()} == {"bogus.test"}
