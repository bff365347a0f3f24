"""MTA-STS over real sockets: TXT records, a web server by TLS, mail hosts with certificates (RFC 8461)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backend.config import Outbound
from tests.backend.delivery.post import Post, until
from tests.harness.authority import Issued, issue, trust
from tests.harness.dns import Dns
from tests.harness.ports import free_port
from tests.harness.sink import Sink
from tests.harness.web import ENDLESS, SILENT, SLOW, Web, page

ROOT = issue("root of the tests", authority=True)
MX = issue("mx.sts.test", ROOT)
WEB = issue("mta-sts.sts.test", ROOT)
STRANGER = issue("mx.sts.test", issue("other root", authority=True))


def policy(mode: str = "enforce", mx: str = "mx.sts.test", max_age: int = 86_400) -> bytes:
    """What the web server says."""
    return page(f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age}\r\n".encode())


ZONE = "@ MX 10 mx\nmx A 127.0.0.31\nmta-sts A 127.0.0.1\n"


@dataclass
class Net:
    """The name server, the web server, and the port of all mail hosts."""

    dns: Dns
    web: Web
    port: int


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    """One domain with a policy."""
    zones = {"sts.test": f'{ZONE}_mta-sts TXT "v=STSv1; id=1;"'}
    with (
        Dns(tmp_path / "dns", zones) as running,
        Web(WEB.server(tmp_path), policy()) as web,
    ):
        yield Net(running, web, free_port("127.0.0.31"))


@contextlib.asynccontextmanager
async def posting(folder: Path, net: Net, **outbound: object) -> AsyncIterator[Post]:
    """A delivery that trusts the tests' authority."""
    made = Post(folder, nameserver=net.dns.address, port=net.port)
    more = replace(Outbound(ca_file=trust(folder, ROOT), policy_seconds=30), **outbound)  # type: ignore[arg-type]
    made.settings = replace(made.settings, outbound=more)
    async with made as post:
        aim(post, net)
        yield post


def aim(post: Post, net: Net) -> None:
    """Web servers of the tests are not at port 443."""
    post.runner._outside.policies.port = net.web.port


async def anew(post: Post, net: Net) -> None:
    """Another process, with the same store."""
    await post.stop()
    post.start()
    aim(post, net)


@contextlib.contextmanager
def host(folder: Path, net: Net, shows: Issued | None = MX) -> Iterator[Sink]:
    """A mail host that shows this certificate."""
    context = shows.server(folder) if shows is not None else None
    with Sink(host="127.0.0.31", port=net.port, tls=context) as sink:
        yield sink


def column(post: Post, sql: str) -> list[str]:
    """The first column of what the store has."""
    return [row[0] for row in post.store.read(lambda reader: reader.rows(sql))]


async def failures(post: Post) -> list[str]:
    """Results that were counted and are not good."""
    post.runner.results.flush()
    sql = "SELECT result FROM tls_results WHERE result <> ''"
    return await until(lambda: column(post, sql), "counted")


async def arrives(post: Post, sink: Sink, trust: str) -> None:
    """Mail gets there, and the trace says how sure it was."""
    await post.send("bob@sts.test")
    await post.gone()
    assert len(sink.messages) == 1
    [detail] = column(post, "SELECT detail FROM events WHERE verdict = 'relayed'")
    assert f'"trust":"{trust}"' in detail.replace(" ", "")


async def waits(post: Post, sink: Sink, failure: str) -> None:
    """Mail waits, and nobody got a byte of it."""
    [entry] = await post.tried(await post.send("bob@sts.test"))
    assert entry.state == "deferred"
    assert not sink.count("MAIL")
    [detail] = column(post, "SELECT detail FROM events WHERE verdict = 'deferred'")
    assert failure in detail
    assert '"asked_by":"sts"' in detail.replace(" ", "")


async def test_a_host_that_is_named_and_has_a_good_certificate(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net) as sink:
        async with posting(tmp_path, net) as post:
            await arrives(post, sink, "sts")
    [request] = net.web.requests
    assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
    assert b"\r\nHost: mta-sts.sts.test" in request


@pytest.mark.parametrize(
    ("shown", "failure"),
    [
        (STRANGER, "certificate-not-trusted"),
        (issue("mx.other.test", ROOT), "certificate-host-mismatch"),
        (issue("mx.sts.test", ROOT, days=-1), "certificate-expired"),
        (None, "starttls-not-supported"),
    ],
)
async def test_in_force_and_testing(tmp_path: Path, net: Net, shown: Issued | None, failure: str) -> None:
    """In force the mail waits; when the domain is only testing it goes out, and is counted all the same."""
    other = tmp_path / "other"
    other.mkdir()
    with host(tmp_path, net, shown) as sink:
        async with posting(tmp_path, net) as post:
            await waits(post, sink, failure)
            assert await failures(post) == [failure]
        net.web.answer = policy("testing")
        async with posting(other, net) as post:
            await arrives(post, sink, "opportunistic" if shown else "none")
            assert await failures(post) == [failure]
            assert column(post, "SELECT sum(number) || '' FROM tls_results") == [
                "1"
            ]  # the second try is no session of its own


@pytest.mark.parametrize("mode", ["enforce", "testing"])
async def test_a_host_that_the_policy_does_not_name(tmp_path: Path, net: Net, mode: str) -> None:
    """As when somebody has changed the MX."""
    net.web.answer = policy(mode, "*.elsewhere.test")
    with host(tmp_path, net) as sink:
        async with posting(tmp_path, net) as post:
            if mode == "enforce":
                await waits(post, sink, "validation-failure")
            else:
                await arrives(post, sink, "opportunistic")
            assert await failures(post) == ["validation-failure"]


async def test_mode_none_asks_for_nothing(tmp_path: Path, net: Net) -> None:
    net.web.answer = policy("none")
    with host(tmp_path, net, STRANGER) as sink:
        async with posting(tmp_path, net) as post:
            await arrives(post, sink, "opportunistic")


HUGE = page(b"version: STSv1\nmode: enforce\nmx: x\nmax_age: 1\n" + b"x: y\n" * 20_000)
REDIRECT = page(b"", "302 Found", more="Location: https://mta-sts.sts.test/other\r\n")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (page(b"gone", "404 Not Found"), "sts-policy-fetch-error"),
        (REDIRECT, "sts-policy-fetch-error"),
        (HUGE, "sts-policy-fetch-error"),
        (ENDLESS, "sts-policy-fetch-error"),
        (SLOW, "sts-policy-fetch-error"),
        (SILENT, "sts-policy-fetch-error"),
        (b"no http at all\r\n\r\n", "sts-policy-fetch-error"),
        (b"", "sts-policy-fetch-error"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_000 + b"\r\n", "sts-policy-fetch-error"),
        (policy().replace(b"text/plain", b"text/html"), "sts-policy-invalid"),
        (policy("perhaps"), "sts-policy-invalid"),
        (page(b"\xff\xfe"), "sts-policy-invalid"),
    ],
)
async def test_a_policy_that_cannot_be_had_is_none(tmp_path: Path, net: Net, answer: bytes, failure: str) -> None:
    net.web.answer = answer
    endless = answer in (ENDLESS, SLOW, SILENT)
    with host(tmp_path, net, STRANGER) as sink:
        async with posting(tmp_path, net, policy_seconds=1.5 if endless else 30) as post:
            await arrives(post, sink, "opportunistic")
            assert sorted(await failures(post)) == [failure]
            await post.send("bob@sts.test")
            await post.gone()
            assert net.web.connections == 1  # not tried again with every message


@pytest.mark.parametrize("shown", [issue("mta-sts.other.test", ROOT), issue("mta-sts.sts.test")])
async def test_a_web_server_that_is_somebody_else(tmp_path: Path, net: Net, shown: Issued) -> None:
    net.web.tls = shown.server(tmp_path)
    with host(tmp_path, net, STRANGER) as sink:
        async with posting(tmp_path, net) as post:
            await arrives(post, sink, "opportunistic")
            assert await failures(post) == ["sts-webpki-invalid"]


async def test_what_was_seen_once_counts_when_it_cannot_be_found_any_more(tmp_path: Path, net: Net) -> None:
    """Whoever takes the TXT record away, or the web server, gets no mail in plain text by that (§5.1)."""
    async with posting(tmp_path, net) as post:
        with host(tmp_path, net) as sink:
            await arrives(post, sink, "sts")
        net.dns.change({"sts.test": ZONE})
        net.web.answer = page(b"", "503 Busy")
        await anew(post, net)
        with host(tmp_path, net, STRANGER) as sink:
            await waits(post, sink, "certificate-not-trusted")
        net.dns.change({"sts.test": f'{ZONE}_mta-sts TXT "v=STSv1; id=2;"'})
        await anew(post, net)
        with host(tmp_path, net, STRANGER) as sink:
            await post.retry(post.entries()[0].message)
            await until(lambda: post.entries()[0].attempts > 1, "tried again")
            assert not sink.count("MAIL")
            await until(lambda: net.web.requests[1:], "asked again")
            post.runner.results.flush()
            sql = "SELECT result FROM tls_results"
            await until(lambda: "sts-policy-fetch-error" in column(post, sql), "counted")


async def test_a_new_id_brings_a_new_policy_and_the_end_of_one_its_end(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net, STRANGER) as sink:
        async with posting(tmp_path, net) as post:
            await waits(post, sink, "certificate-not-trusted")
            net.web.answer = policy("none")
            net.dns.change({"sts.test": f'{ZONE}_mta-sts TXT "v=STSv1; id=2;"'})
            await anew(post, net)
            await post.retry(post.entries()[0].message)
            await post.gone()
            assert len(sink.messages) == 1
            assert column(post, "SELECT mode FROM sts_policies") == ["none"]
            await post.store.commit(lambda t: t.execute("UPDATE sts_policies SET expires = ?", (time.time() - 1,)))
            await post.runner._outside.policies.refresh()
            assert column(post, "SELECT mode FROM sts_policies") == []


async def test_policies_in_use_are_fetched_again(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net) as sink:
        async with posting(tmp_path, net) as post:
            await arrives(post, sink, "sts")
            await post.runner._outside.policies.refresh()
            assert net.web.connections == 1
            await post.store.commit(lambda t: t.execute("UPDATE sts_policies SET fetched = fetched - 90000"))
            net.web.answer = policy("testing")  # its owner has forgotten to change the id
            await post.runner._outside.policies.refresh()
            assert column(post, "SELECT mode FROM sts_policies") == ["testing"]


async def test_many_messages_ask_once(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net):
        async with posting(tmp_path, net) as post:
            policies = post.runner._outside.policies
            found = await asyncio.gather(*(policies.of("sts.test") for _ in range(20)))
            assert {one.policy.mode for one in found if one.policy} == {"enforce"}
            assert net.web.connections == 1


async def test_switched_off(tmp_path: Path, net: Net) -> None:
    with host(tmp_path, net, STRANGER) as sink:
        async with posting(tmp_path, net, mta_sts=False) as post:
            await arrives(post, sink, "opportunistic")
    assert not net.web.connections
