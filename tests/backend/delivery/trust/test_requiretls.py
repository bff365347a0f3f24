"""REQUIRETLS and TLS-Required: No, from the message to the next host (RFC 8689)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.config import DomainTls, Outbound
from backend.store.messages import TLS_OPTIONAL, TLS_REQUIRED
from tests.backend.delivery.post import TEXT, Post, until
from tests.harness.authority import Issued, issue, trust
from tests.harness.dns import Dns
from tests.harness.ports import free_port
from tests.harness.sink import Sink, Unreachable

ROOT = issue("root of the tests", authority=True)
MX = issue("mx.remote.test", ROOT)
STRANGER = issue("mx.remote.test")
ABLE = ("PIPELINING", "8BITMIME", "REQUIRETLS")


@pytest.fixture
def nameserver(tmp_path: Path) -> Iterator[Dns]:
    """One domain without any policy."""
    with Dns(tmp_path / "dns", {"remote.test": "@ MX 10 mx\nmx A 127.0.0.41"}) as running:
        yield running


@pytest.fixture
def port() -> int:
    """The port of all mail hosts."""
    return free_port("127.0.0.41")


@contextlib.asynccontextmanager
async def posting(
    folder: Path, nameserver: Dns, port: int, *, connect_timeout: int = 60, **outbound: object
) -> AsyncIterator[Post]:
    """A delivery that trusts the tests' authority."""
    made = Post(folder, nameserver=nameserver.address, port=port, connect_timeout=connect_timeout)
    more = replace(Outbound(ca_file=trust(folder, ROOT)), **outbound)  # type: ignore[arg-type]
    made.settings = replace(made.settings, outbound=more)
    async with made as post:
        yield post


@contextlib.contextmanager
def host(folder: Path, port: int, shows: Issued | None, extensions: tuple[str, ...] = ABLE) -> Iterator[Sink]:
    """A mail host that shows this certificate."""
    context = shows.server(folder) if shows is not None else None
    with Sink(host="127.0.0.41", port=port, tls=context, extensions=extensions) as sink:
        yield sink


async def test_a_host_that_keeps_to_it_gets_it(tmp_path: Path, nameserver: Dns, port: int) -> None:
    with host(tmp_path, port, MX) as sink:
        async with posting(tmp_path, nameserver, port) as post:
            await post.send("bob@remote.test", tls=TLS_REQUIRED)
            await post.send("bob@remote.test")
            await post.gone()
    asked = {message.mail: message.tls for message in sink.messages}
    assert len(asked) == 2
    assert all(asked.values())
    assert sum("REQUIRETLS" in mail for mail in asked) == 1


@pytest.mark.parametrize(
    ("shows", "extensions", "status"),
    [
        (MX, ("PIPELINING",), "5.7.30"),
        (STRANGER, ABLE, "5.7.10"),
        (issue("mx.other.test", ROOT), ABLE, "5.7.10"),
        (None, ABLE, "5.7.10"),
    ],
)
async def test_any_other_host_does_not_and_the_sender_hears_of_it(
    tmp_path: Path, nameserver: Dns, port: int, shows: Issued | None, extensions: tuple[str, ...], status: str
) -> None:
    text = b"Subject: secret plan\r\n\r\nthe words of it\r\n"
    with host(tmp_path, port, shows, extensions) as sink:
        async with posting(tmp_path, nameserver, port, domain=(DomainTls("remote.test", "may"),)) as post:
            await post.send("bob@remote.test", tls=TLS_REQUIRED, text=text)
            [report] = await post.reports()
            assert f"Status: {status}".encode() in report
            assert b"the words of it" not in report  # nothing but the header goes back (§5)
            await post.send("bob@remote.test")  # other mail goes there all the same
            await post.gone()
    [other] = sink.messages
    assert b"secret" not in other.data


async def test_a_report_asks_for_as_much_as_the_message(tmp_path: Path, nameserver: Dns, port: int) -> None:
    with host(tmp_path, port, MX) as sink:
        async with posting(tmp_path, nameserver, port) as post:
            await post.send("nobody@example.org", sender="ann@remote.test", tls=TLS_REQUIRED)
            await until(lambda: sink.messages, "the report")
    [report] = sink.messages
    assert report.sender == ""
    assert "REQUIRETLS" in report.mail


async def test_a_host_that_is_not_there_is_tried_again(tmp_path: Path, nameserver: Dns, port: int) -> None:
    async with posting(tmp_path, nameserver, port) as post:
        [entry] = await post.tried(await post.send("bob@remote.test", tls=TLS_REQUIRED))
        assert entry.state == "deferred"
        with host(tmp_path, port, MX) as sink:
            await post.retry(entry.message)
            await post.gone()
            assert "REQUIRETLS" in sink.messages[0].mail


async def test_what_is_no_answer_is_tried_again(tmp_path: Path, nameserver: Dns) -> None:
    with Unreachable("127.0.0.41") as silent:
        async with posting(tmp_path, nameserver, silent.port, connect_timeout=1) as post:
            [entry] = await post.tried(await post.send("bob@remote.test", tls=TLS_REQUIRED))
            assert entry.state == "deferred"


async def test_a_smart_host_must_keep_to_it_too(tmp_path: Path) -> None:
    with Sink(extensions=("PIPELINING",)) as sink:
        async with Post(tmp_path, smarthost=sink.address) as post:
            await post.send("bob@remote.test", tls=TLS_REQUIRED)
            [report] = await post.reports()
            assert b"Status: 5.7.10" in report
            assert not sink.messages


async def test_tls_that_is_optional_goes_before_the_site_s_demand(tmp_path: Path, nameserver: Dns, port: int) -> None:
    with host(tmp_path, port, STRANGER) as sink:
        async with posting(tmp_path, nameserver, port, domain=(DomainTls("remote.test", "must"),)) as post:
            message = await post.send("bob@remote.test")
            await post.tried(message)
            await post.send("bob@remote.test", text=b"TLS-Required: No\r\n" + TEXT, tls=TLS_OPTIONAL)
            await post.gone_but(message)
            assert len(sink.messages) == 1
            assert sink.messages[0].tls  # it is tried all the same
