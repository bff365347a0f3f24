"""Reports over real sockets: who asks for one gets one, once, by mail or by HTTPS."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.config import Outbound
from backend.delivery.tlsrpt import received
from backend.delivery.tlsrpt.reporter import Reporter
from backend.store import tls_results
from backend.store.tls_results import Counted
from tests.backend.delivery.post import Post
from tests.harness.authority import issue, trust
from tests.harness.dns import BROKEN, Dns
from tests.harness.keys import signs
from tests.harness.ports import free_port
from tests.harness.sink import Sink
from tests.harness.web import Web, page

ROOT = issue("root of the tests", authority=True)
WEB = issue("web.wants.test", ROOT)
TODAY = int(time.time()) // 86_400
NOON = TODAY * 86_400 + 43_200.0


@contextlib.contextmanager
def network(folder: Path, record: str) -> Iterator[tuple[Dns, Sink]]:
    """A domain that asks for reports in this way, and its mail host."""
    zones = {
        "wants.test": f"@ MX 10 mx\nmx A 127.0.0.61\nweb A 127.0.0.1\n{record}",
        "broken.test": BROKEN,
    }
    with Dns(folder / "dns", zones) as dns, Sink(host="127.0.0.61", port=free_port("127.0.0.61")) as sink:
        yield dns, sink


@contextlib.asynccontextmanager
async def posting(folder: Path, dns: Dns, sink: Sink) -> AsyncIterator[tuple[Post, Reporter]]:
    """A delivery and a reporter, with yesterday's sessions counted."""
    made = Post(folder, nameserver=dns.address, port=sink.port)
    made.settings = replace(made.settings, outbound=Outbound(ca_file=trust(folder, ROOT)))
    async with made as post:
        await count(post, TODAY - 1)
        yield post, Reporter(post.settings, post.store, post.runner.wake)


async def count(post: Post, day: int, domain: str = "wants.test") -> None:
    """Sessions of a day."""
    some = [
        Counted(day, domain, "sts", "{}", "", "", "", "", "", 4),
        Counted(day, domain, "sts", "{}", "certificate-expired", "mx.wants.test", "127.0.0.61", "", "", 2),
    ]
    await post.store.commit(lambda transaction: tls_results.add(transaction, some))


def outcomes(post: Post) -> list[tuple[str, int, str]]:
    """What became of reports."""
    sql = "SELECT domain, day, outcome FROM tls_reports ORDER BY domain, day"
    return [(row[0], row[1], row[2]) for row in post.store.read(lambda reader: reader.rows(sql))]


async def test_by_mail_once(tmp_path: Path) -> None:
    with network(tmp_path, '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls%2Brpt@wants.test"') as (dns, sink):
        async with posting(tmp_path, dns, sink) as (post, reporter):
            assert await reporter.once(NOON) == 1
            await post.gone()
            assert await reporter.once(NOON) == 0
            [message] = sink.messages
            assert message.recipients == ["tls+rpt@wants.test"]
            assert message.sender == "postmaster@example.org"
            [row] = received.read(message.data, 0.0)
            assert (row.domain, row.successes, row.failures) == ("wants.test", 4, 2)
            assert row.begins == (TODAY - 1) * 86_400
            assert outcomes(post) == [("wants.test", TODAY - 1, "sent")]
            post.runner.results.flush()
            await count(post, TODAY)  # behind what was flushed
            sql = "SELECT count(*) FROM tls_results WHERE day = ? AND policy <> 'sts'"
            assert (
                post.store.read(lambda reader: reader.value(sql, (TODAY,))) == 0
            )  # its own session counts for nothing


async def test_it_arrives_though_tls_is_broken_and_nobody_hears_when_it_does_not(tmp_path: Path) -> None:
    with network(tmp_path, '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@wants.test"') as (dns, sink):
        sink.script = {"RCPT": "550 5.1.1 nobody"}
        async with posting(tmp_path, dns, sink) as (post, reporter):
            await reporter.once(NOON)
            await post.gone()
            assert post.rows("notices") == 0
            assert post.rows("messages") == 0


async def test_by_https(tmp_path: Path) -> None:
    with Web(WEB.server(tmp_path), page(b"", "201 Created")) as web:
        record = f'_smtp._tls TXT "v=TLSRPTv1; rua=https://web.wants.test:{web.port}/in?x=1"'
        with network(tmp_path, record) as (dns, sink):
            async with posting(tmp_path, dns, sink) as (post, reporter):
                web.answer = page(b"", "503 Busy")
                assert await reporter.once(NOON) == 0
                assert outcomes(post) == []  # tried again at the next look
                web.answer = page(b"", "201 Created")
                assert await reporter.once(NOON) == 1
                assert outcomes(post) == [("wants.test", TODAY - 1, "sent by HTTPS")]
        head, _, body = web.requests[-1].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /in?x=1 HTTP/1.1")
        assert b"Content-Type: application/tlsrpt+gzip" in head
        assert json.loads(gzip.decompress(body))["policies"][0]["summary"]["total-failure-session-count"] == 2


@pytest.mark.parametrize(
    "record",
    [
        "",
        '_smtp._tls TXT "v=TLSRPTv1; rua=ftp://wants.test/"',
        '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@b.test%0d%0aBcc:x@y.test,mailto:nobody,mailto:%ff@a.test"',
        '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@wants.test"\n_smtp._tls TXT "v=TLSRPTv1; rua=mailto:b@wants.test"',
    ],
)
async def test_who_does_not_ask_gets_none(tmp_path: Path, record: str) -> None:
    with network(tmp_path, record) as (dns, sink):
        async with posting(tmp_path, dns, sink) as (post, reporter):
            assert await reporter.once(NOON) == 1
            assert outcomes(post) == [("wants.test", TODAY - 1, "nobody asks for it")]
            assert not post.entries()


@pytest.mark.parametrize("uri", ["https://", "https://web.wants.test:99999/", "https://no host/", "https://[::1/"])
async def test_a_web_address_that_is_none(tmp_path: Path, uri: str) -> None:
    with network(tmp_path, f'_smtp._tls TXT "v=TLSRPTv1; rua={uri}"') as (dns, sink):
        async with posting(tmp_path, dns, sink) as (post, reporter):
            assert await reporter.once(NOON) == 0
            assert outcomes(post) == []


async def test_when(tmp_path: Path) -> None:
    """Days that are over, within four hours; not of today, nor what is too old, nor while the DNS is silent."""
    with network(tmp_path, '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@wants.test"') as (dns, sink):
        async with posting(tmp_path, dns, sink) as (post, reporter):
            await count(post, TODAY)
            await count(post, TODAY - 3)
            await count(post, TODAY - 1, "broken.test")
            midnight = TODAY * 86_400.0
            offset = reporter._offset("wants.test")
            assert 0 <= offset < 4 * 3_600
            assert await reporter.once(midnight + offset - 1) == 0
            assert await reporter.once(midnight + offset) == 1
            assert await reporter.once(NOON) == 0
            assert outcomes(post) == [("wants.test", TODAY - 1, "sent")]
            await post.gone()


async def test_switched_off(tmp_path: Path) -> None:
    with network(tmp_path, '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@wants.test"') as (dns, sink):
        async with posting(tmp_path, dns, sink) as (post, reporter):
            reporter.reload(replace(post.settings, outbound=Outbound(tls_reports=False)))
            assert await reporter.once(NOON) == 0


async def test_a_report_is_signed(tmp_path: Path) -> None:
    with network(tmp_path, '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@wants.test"') as (dns, sink):
        async with posting(tmp_path, dns, sink) as (post, reporter):
            await signs(post.store, "example.org")
            await reporter.once(NOON)
            await post.gone()
            assert sink.messages[0].data.startswith(b"DKIM-Signature: v=1;")
