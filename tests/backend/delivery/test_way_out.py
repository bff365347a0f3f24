"""Which host gets a message, and how it is spoken to: routes, MX, smart host, TLS, AUTH."""

from __future__ import annotations

import contextlib
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.config import HostPort, Relay, Route, Settings
from backend.delivery.route import Hop, hop
from tests.backend.delivery.post import IMPATIENT, Post, until
from tests.harness.certificate import server_context
from tests.harness.dns import Dns
from tests.harness.ports import free_port
from tests.harness.sink import CLOSE, HANG, Sink, Unreachable

HOST = HostPort("127.0.0.1", 2525)


def test_routes() -> None:
    routes = (Route("a.test", HOST), Route(".a.test", HostPort("h", 1)), Route(".deep.a.test", HostPort("h", 2)))
    settings = Settings(relay=Relay(route=routes))
    assert hop("a.test", settings) == Hop("", HOST)
    assert hop("sub.a.test", settings).to == HostPort("h", 1)
    assert hop("x.deep.a.test", settings).to == HostPort("h", 2)
    assert hop("deep.a.test", settings).to == HostPort("h", 1)
    assert hop("nota.test", settings) == Hop("nota.test")
    smart = replace(settings, relay=Relay(route=routes, smarthost=HOST, smarthost_tls="must", smarthost_user="us"))
    assert hop("nota.test", smart) == Hop("", HOST, "must", "us")
    assert hop("sub.a.test", smart) == Hop("", HostPort("h", 1))


# -- MX


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    """Two hosts, of which some are there."""
    zones = {
        "two.test": "@ MX 10 one\n@ MX 20 two\none A 127.0.0.11\ntwo A 127.0.0.12",
        "one.test": "@ MX 10 one\none A 127.0.0.11",
        "null.test": "@ MX 0 .",
        "us.test": "@ MX 10 x\nx A 127.0.0.12",
    }
    with Dns(tmp_path_factory.mktemp("dns"), zones) as running:
        yield running


@pytest.fixture
def port() -> int:
    """The port of all hosts that DNS names."""
    return free_port("127.0.0.12")


async def test_the_next_host_when_the_first_is_not_there_or_wants_nothing(
    tmp_path: Path, nameserver: Dns, port: int
) -> None:
    with Sink(host="127.0.0.12", port=port) as second:
        async with Post(tmp_path, nameserver=nameserver.address, port=port, command_timeout=3) as post:
            await post.send("bob@two.test")
            await post.gone()
            assert len(second.messages) == 1
            for banner in ("554 5.7.1 no", "421 4.3.2 no", HANG, CLOSE):
                second.messages.clear()
                with Sink({"BANNER": banner}, host="127.0.0.11", port=port):
                    post.runner.reload(post.settings)
                    await post.send("bob@two.test")
                    await post.gone()
                assert len(second.messages) == 1, banner


async def test_refused_by_all_is_permanent_and_unreachable_is_not(tmp_path: Path, nameserver: Dns, port: int) -> None:
    no = {"BANNER": "554 5.7.1 no mail from you"}
    async with Post(tmp_path, nameserver=nameserver.address, port=port) as post:
        with Sink(no, host="127.0.0.11", port=port):
            [entry] = await post.tried(await post.send("bob@two.test"))  # the second is not there
            assert "refused" in str(entry.error).lower()
            with Sink(no, host="127.0.0.12", port=port):
                await post.retry(entry.message)
                await post.gone()
        [report] = await post.reports()
        assert b"Status: 5.7.1" in report
        await post.send("bob@null.test", "bob@nxdomain.test")
        await post.gone()
        reports = b"".join(await post.reports(2))
        assert b"Status: 5.1.10" in reports
        assert b"Status: 5.1.2" in reports


async def test_mail_that_would_come_back_to_us_is_returned(tmp_path: Path, nameserver: Dns, port: int) -> None:
    with Sink({"EHLO": "250 mail.example.org"}, host="127.0.0.12", port=port) as ourselves:
        async with Post(tmp_path, nameserver=nameserver.address, port=port) as post:
            await post.send("bob@us.test", "bob@[127.0.0.12]")
            await post.gone()
            reports = b"".join(await post.reports())
            assert reports.count(b"Status: 5.4.6") == 2
            assert not ourselves.messages


# -- a smart host that is wrong


@pytest.mark.parametrize("wrong", ["127.0.0.1:0", "127.0.0.1:99999", "nowhere.test:25", "0.0.0.0:25", "[::1]:1"])
async def test_a_wrong_smart_host_defers(tmp_path: Path, nameserver: Dns, wrong: str) -> None:
    async with Post(tmp_path, smarthost=wrong, nameserver=nameserver.address) as post:
        [entry] = await post.tried(await post.send("bob@remote.test"))
        assert entry.state == "deferred"
        assert entry.error


async def test_a_smart_host_that_does_not_answer_or_says_554(tmp_path: Path) -> None:
    with Unreachable() as silent, Sink({"BANNER": "554 5.7.1 no"}) as unkind:
        routes = {"silent.test": silent.address, "unkind.test": unkind.address}
        async with Post(tmp_path, routes=routes, **IMPATIENT) as post:
            for domain in routes:
                [entry] = await post.tried(await post.send(f"bob@{domain}"))
                assert entry.state == "deferred"


# -- TLS and AUTH


@pytest.mark.parametrize("broken", [CLOSE, HANG, "454 4.7.0 no", "220 go ahead", "220 go\n220 ahead"])
async def test_opportunistic_tls_that_fails_goes_on_in_plain_text(tmp_path: Path, sink: Sink, broken: str) -> None:
    sink.extensions = ("PIPELINING", "STARTTLS")
    sink.script = {"STARTTLS": broken}
    async with Post(tmp_path, smarthost=sink.address, connect_timeout=3, command_timeout=3) as post:
        await post.send("bob@remote.test")
        await post.gone()
    assert not sink.messages[0].tls
    assert sink.sessions == 2  # on a new connection


async def test_opportunistic_tls(post: Post, sink: Sink, tmp_path: Path) -> None:
    sink.tls = server_context(tmp_path, "anything.test")
    await post.send("bob@remote.test")
    await post.gone()
    assert sink.messages[0].tls
    detail = post.store.read(lambda reader: reader.value("SELECT detail FROM events WHERE verdict = 'relayed'"))
    assert "TLSv1." in detail


def old_context(folder: Path) -> ssl.SSLContext:
    """A host of another age: TLS 1.0, and no forward secrecy."""
    context = server_context(folder, "localhost")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    return context


async def test_an_old_host_gets_it_in_old_tls_and_not_in_plain_text(post: Post, sink: Sink, tmp_path: Path) -> None:
    sink.tls = old_context(tmp_path)
    await post.send("bob@remote.test")
    await post.gone()
    assert sink.messages[0].tls
    assert sink.sessions == 1
    detail = post.store.read(lambda reader: reader.value("SELECT detail FROM events WHERE verdict = 'relayed'"))
    assert "ECDHE-ECDSA-AES128-SHA" in detail


async def test_an_old_host_is_not_good_enough_where_tls_must_be(tmp_path: Path) -> None:
    with Sink(tls=old_context(tmp_path)) as sink:
        made = Post(tmp_path, smarthost=f"localhost:{sink.port}")
        made.settings = replace(made.settings, relay=replace(made.settings.relay, smarthost_tls="must"))
        with trusting(tmp_path / "localhost.pem"):
            await made.__aenter__()
        [entry] = await made.tried(await made.send("bob@remote.test"))
        assert entry.state == "deferred"
        assert not sink.messages
        await made.__aexit__()


@contextlib.contextmanager
def trusting(path: Path) -> Iterator[None]:
    """Certificates in `path` are good ones for contexts made inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


async def test_tls_that_must_be(tmp_path: Path) -> None:
    for name, trusted, offered, arrives in (
        ("localhost", True, True, True),
        ("localhost", False, True, False),
        ("other.test", True, True, False),
        ("localhost", True, False, False),
    ):
        folder = tmp_path / f"{name}{trusted}{offered}"
        folder.mkdir()
        context = server_context(folder, name)
        with Sink(tls=context if offered else None) as sink:
            made = Post(folder, smarthost=f"localhost:{sink.port}")
            made.settings = replace(made.settings, relay=replace(made.settings.relay, smarthost_tls="must"))
            with trusting(folder / f"{name}.pem") if trusted else contextlib.nullcontext():
                await made.__aenter__()
            message = await made.send("bob@remote.test")
            if arrives:
                await made.gone()
                assert sink.messages[0].tls
            else:
                await made.tried(message)
                assert not sink.messages
            await made.__aexit__()


async def test_the_smart_host_is_logged_in_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    with Sink(extensions=("PIPELINING", "AUTH PLAIN")) as sink:
        made = Post(tmp_path, smarthost=sink.address)
        relay = replace(made.settings.relay, smarthost_user="us", smarthost_password_file=tmp_path / "password")
        made.settings = replace(made.settings, relay=relay)
        async with made as post:
            sink.script = {"AUTH": "535 5.7.8 wrong"}
            [entry] = await post.tried(await post.send("bob@remote.test"))
            assert entry.error == "535 5.7.8 wrong"  # the site's mistake: nothing is returned for it
            sink.script = {"AUTH": "235 2.7.0 in"}
            await post.retry(entry.message)
            await post.gone()
            assert sink.count("AUTH PLAIN AHVzAG9wZW4gc2VzYW1l") == 2
            (tmp_path / "password").unlink()
            await until(lambda: sink.count("QUIT"), "the idle connection ends")
            [entry] = await post.tried(await post.send("bob@remote.test"))
            assert "password file" in str(entry.error)
            events = post.store.read(lambda reader: reader.rows("SELECT detail FROM events"))
            assert "sesame" not in str(events) + caplog.text
            assert "AHVz" not in str(events) + caplog.text
