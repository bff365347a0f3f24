"""Alerts at a web server: real HTTPS that is down, slow, redirecting, endless or wrong; and killed processes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backend import ids
from backend.delivery import webhook
from backend.delivery.webhook import Answer, Webhook
from backend.settings_file import load
from backend.store import webhooks
from backend.store.database import Store
from tests.harness.authority import issue, trust
from tests.harness.clamd import EICAR
from tests.harness.ports import free_port
from tests.harness.site import Site
from tests.harness.waiting import until
from tests.harness.web import ENDLESS, SILENT, SLOW, Web, page

ROOT = issue("root of the tests", authority=True)
SERVER = issue("localhost", ROOT)
SECRET = "a long secret of the site"
_MESSAGE = b"Subject: a private subject\r\n\r\na private text " + EICAR + b"\r\n"
_ON = "[antivirus]\nenabled = true\n[workers]\nsmtp = 1\n"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with Web(SERVER.server(tmp_path), page(b"thanks")) as web:
        yield web


@pytest.fixture
def site(tmp_path: Path, web: Web) -> Iterator[Site]:
    """A service that is not started yet, with a webhook and a secret."""
    with Site(tmp_path / "site") as site:
        site.configure(_ON + alerts(web, tmp_path))
        (site.folder / "secret").write_text(SECRET + "\nand a second line\n")
        (site.folder / "secret").chmod(0o600)
        yield site


def alerts(web: Web, folder: Path, more: str = "") -> str:
    return (
        f'[alerts]\nwebhook = "https://localhost:{web.port}/in?team=mail"\nca_file = "{trust(folder, ROOT)}"\n'
        f'secret_file = "secret"\nseconds = 1.0\n{more}\n'
    )


def infect(site: Site, times: int = 1) -> None:
    """EICAR from a stranger."""
    for _ in range(times):
        with site.wire(source="127.0.0.7") as wire:
            wire.must(250, "EHLO client.test")
            assert str(wire.message("ann@client.test", ["postmaster@example.org"], _MESSAGE)).startswith("550 ")


def events(web: Web) -> list[dict[str, Any]]:
    return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in web.requests]


def test_an_outbreak_is_one_event_that_is_signed_and_has_nothing_of_the_mail(site: Site, web: Web) -> None:
    site.start()
    infect(site, 5)
    until(lambda: web.requests, within=20)
    time.sleep(1)
    (request,) = web.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /in?team=mail HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert f"Mailconsole-Signature: sha256={expected}".encode() in head
    (event,) = events(web)
    assert f"Mailconsole-Event: {event['id']}".encode() in head
    assert (event["version"], event["event"], event["kind"], event["about"]) == (
        1,
        "alert",
        "incoming",
        "EICAR_Test_File",
    )
    assert (event["host"], event["domain"], event["peer"], event["account"]) == (
        "mail.example.org", "example.org", "127.0.0.7", None,
    )  # fmt: skip
    assert event["count"] == 1
    assert "yara: infected: EICAR_Test_File" in event["words"]
    assert b"private" not in body
    assert b"ann@" not in body
    until(lambda: held(site).waiting == 0, within=5)
    state = held(site)
    assert (state.lost, state.words) == (0, "it answered 200")
    assert not [row for row in site.cli_json("problems")["rows"] if "webhook" in row["sentence"]]


def held(site: Site) -> webhooks.State:
    store = Store.open(site.data)
    try:
        return store.read(webhooks.state)
    finally:
        store.close()


def test_mail_does_not_wait_for_a_webhook_that_hangs(site: Site, web: Web) -> None:
    web.answer = SILENT
    site.start()
    infect(site)
    until(lambda: web.requests, within=20)
    began = time.monotonic()
    infect(site, 3)
    assert time.monotonic() - began < 20
    until(lambda: held(site).words, within=10)
    state = held(site)
    assert (state.waiting, state.words) == (1, "it took too long")


def test_a_killed_role_and_a_killed_service_lose_nothing(site: Site, web: Web) -> None:
    web.answer = SILENT
    site.start()
    infect(site)
    until(lambda: web.requests, within=20)
    site.kill("delivery")
    until(lambda: any(row["role"] == "delivery" and row["restarts"] for row in site.status()["roles"]), within=20)
    site.crash()
    assert held(site).waiting == 1
    web.answer = page(b"")
    before = len(web.requests)
    site.start()
    until(lambda: len(web.requests) > before, within=60)
    until(lambda: held(site).waiting == 0, within=10)
    assert len({event["id"] for event in events(web)}) == 1


def test_alerts_test_shows_the_answer(site: Site, web: Web) -> None:
    answer = site.cli_json("alerts", "test")
    assert (answer["taken"], answer["status"], answer["words"], answer["signed"]) == (True, 200, "thanks", True)
    (event,) = events(web)
    assert (event["event"], event["kind"], event["id"]) == ("test", "test", answer["id"])
    web.answer = page(b"\x1b[2J no \xff" + b"x" * 5_000, "403 Forbidden")
    done = site.cli("alerts", "test", check=False)
    assert done.returncode == 1
    said = done.stdout.decode()
    assert "answered 403" in said
    assert "It was not taken" in said
    assert "\x1b" not in said
    assert "x" * 201 not in said
    site.configure('[alerts]\nwebhook = ""\n')
    done = site.cli("alerts", "test", check=False)
    assert done.returncode == 2
    assert b"There is no webhook" in done.stderr


def test_the_address_may_hold_a_key_and_nobody_is_shown_it(site: Site, web: Web) -> None:
    for words in (("settings", "list", "webhook"), ("config", "show")):
        said = site.cli(*words).stdout.decode()
        assert f"https://localhost:{web.port}/..." in said
        assert "team=mail" not in said


# -- one try


def posted(site: Site) -> Answer:
    return asyncio.run(webhook.post(load(site.config), ids.new(), "{}"))


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (page(b"ok", "204 No Content"), 204, ""),
        (page(b"x" * 100_000), 200, "x" * 200),
        (page(b"", "500 Oops"), 500, ""),
        (SILENT, 0, "it took too long"),
        (SLOW, 0, "it took too long"),
        (b"no HTTP at all\r\n\r\n", 0, "the answer is no HTTP (BadStatusLine)"),
        (b"", 0, "the connection broke"),
    ],
)
def test_what_a_web_server_may_do(site: Site, web: Web, answer: bytes, status: int, words: str) -> None:
    web.answer = answer
    found = posted(site)
    assert (found.status, found.words) == (status, words)


def test_an_endless_answer_has_an_end(site: Site, web: Web) -> None:
    web.answer = ENDLESS
    assert posted(site).status == 200


def test_a_redirection_is_not_followed(site: Site, web: Web, tmp_path: Path) -> None:
    with Web(SERVER.server(tmp_path), page(b"ok")) as other:
        web.answer = page(b"", "307 Temporary Redirect", more=f"Location: https://localhost:{other.port}/\r\n")
        found = posted(site)
        assert (found.status, found.taken) == (307, False)
        assert other.connections == 0


def test_nobody_there_and_a_certificate_of_somebody_else(site: Site, tmp_path: Path) -> None:
    port = free_port("127.0.0.1")
    site.configure(f'[alerts]\nwebhook = "https://localhost:{port}/"\n')
    assert posted(site) == Answer(0, "Connection refused")
    with Web(issue("elsewhere.test", ROOT).server(tmp_path), page(b"ok")) as other:
        site.configure(f'[alerts]\nwebhook = "https://localhost:{other.port}/"\n')
        found = posted(site)
        assert found.status == 0
        assert "certificate" in found.words
        assert other.requests == []


def test_without_its_secret_nothing_is_posted(site: Site, web: Web) -> None:
    (site.folder / "secret").unlink()
    assert "secret cannot be read" in posted(site).words.replace(str(site.folder / "secret"), "secret")
    assert web.requests == []


# -- plain HTTP


class _Plain:
    """A web server without TLS, which says 200."""

    def __init__(self) -> None:
        self.port = free_port("127.0.0.1")
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                self.requests.append(line.recv(65_536))
                line.sendall(page(b""))

    def close(self) -> None:
        self._listener.close()


def test_plain_http_only_where_the_site_says_so_and_only_at_home(site: Site) -> None:
    plain = _Plain()
    try:
        site.configure(f'[alerts]\nplain = true\nwebhook = "http://127.0.0.1:{plain.port}/"\n')
        assert posted(site).status == 200
        assert plain.requests[0].startswith(b"POST / HTTP/1.1")
        site.configure('[alerts]\nwebhook = "http://8.8.8.8/"\n')
        assert posted(site) == Answer(0, "http:// is for this host and private networks only")
        site.configure("[alerts]\nplain = false\n")
        done = site.cli("config", "check", check=False)
        assert done.returncode == 2
        assert b"only https:// is safe" in done.stderr
    finally:
        plain.close()


# -- again, and never again


@pytest.fixture
def store(site: Site) -> Callable[[Callable[[Store], Any]], Any]:
    """Runs a coroutine function with a store of the site."""

    def run(work: Callable[[Store], Any]) -> Any:
        async def go() -> Any:
            opened = Store.open(site.data)
            try:
                return await work(opened)
            finally:
                await asyncio.to_thread(opened.close)

        return asyncio.run(go())

    return run


def test_it_is_tried_again_until_it_is_taken(
    site: Site, web: Web, store: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_AGAIN", 0.2)
    web.answer = page(b"", "500 Oops")

    async def work(opened: Store) -> webhooks.State:
        await opened.commit(lambda t: webhooks.put(t, 7, "{}"))
        sender = Webhook(load(site.config), opened, asyncio.Event())
        assert await sender.post_all() == 1
        assert await sender.post_all() == 0  # not yet
        between = await opened.query(webhooks.state)
        assert (between.waiting, between.words) == (1, "it answered 500")
        web.answer = page(b"")
        await asyncio.sleep(0.3)
        assert await sender.post_all() == 1
        return await opened.query(webhooks.state)

    state = store(work)
    assert (state.waiting, state.lost, state.words) == (0, 0, "it answered 200")
    assert len(web.requests) == 2


def test_it_is_given_up_in_the_end_and_that_is_a_problem(site: Site, web: Web, store: Callable[..., Any]) -> None:
    web.answer = page(b"", "410 Gone")

    async def work(opened: Store) -> webhooks.State:
        await opened.commit(lambda t: webhooks.put(t, 7, "{}"))
        await opened.commit(lambda t: t.execute("UPDATE webhooks SET made = made - 86400"))
        await Webhook(load(site.config), opened, asyncio.Event()).post_all()
        return await opened.query(webhooks.state)

    state = store(work)
    assert (state.waiting, state.lost, state.words) == (0, 1, "it answered 410")
    told = [row["sentence"] for row in site.cli_json("problems")["rows"]]
    assert "The webhook takes no alerts: it answered 410. 0 wait, 1 were given up." in told


def test_two_processes_post_an_event_once(site: Site, web: Web, store: Callable[..., Any]) -> None:
    async def work(opened: Store) -> int:
        for number in range(20):
            await opened.commit(lambda t, number=number: webhooks.put(t, number, "{}"))  # type: ignore[misc]
        some = [Webhook(load(site.config), opened, asyncio.Event()) for _ in range(3)]
        return sum(await asyncio.gather(*(one.post_all() for one in some)))

    assert store(work) == 20
    assert len(web.requests) == 20
