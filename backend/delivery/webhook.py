"""Posts alerts to the site's webhook: from the store, so that none is lost, and never on the way of a message.

An event is tried until it is taken or too old. A process that is killed in between leaves it to the next one, so that
it may come twice: its id says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import time
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from backend import ids, logs, tls
from backend.config import Settings
from backend.delivery.trust import https
from backend.delivery.trust.https import NotFetched, Request
from backend.errors import MailError
from backend.resolver.mail_hosts import addresses
from backend.resolver.resolver import Resolver
from backend.store import webhooks
from backend.store.database import Store
from backend.store.webhooks import LOST, SENT, WAITING, Event

SIGNATURE, EVENT = "Mailconsole-Signature", "Mailconsole-Event"
_LOOK = 15.0  # seconds between looks when nobody says that there is something
_LEASE_MORE = 20.0  # seconds that an event is one process's, beside those of a try
_AGAIN, _LONGEST = 30.0, 3_600.0  # seconds between two tries: the first, and the longest
_HOUR = 3_600.0
_ANSWER = 4_096  # bytes of an answer that are read
_SHOWN = 200  # characters of it that a person is shown
_HTTP = 80

_log = logging.getLogger("delivery")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the web server said. `status` 0: nothing, and `words` say why; else the start of its answer, made safe."""

    status: int
    words: str

    @property
    def taken(self) -> bool:
        """2xx."""
        return self.status // 100 == 2

    def __str__(self) -> str:
        """`it answered 503`; its own words are not kept."""
        return f"it answered {self.status}" if self.status else self.words


class Webhook:
    """`rung` is set when there may be something to post."""

    def __init__(self, settings: Settings, store: Store, rung: asyncio.Event) -> None:
        self._store = store
        self._rung = rung
        self.settings = settings

    async def run(self) -> None:
        """For ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self.post_all()
            except MailError as error:
                _log.error("alerts wait for the webhook: %s", error)

    async def post_all(self) -> int:
        """Post all that is due; how many tries that were. Temporary when the store does not answer."""
        tries = 0
        while self.settings.alerts.webhook:
            now = time.time()
            if not await self._store.query(partial(webhooks.is_due, now=now)):
                break
            lease = self.settings.alerts.seconds + _LEASE_MORE
            event = await self._store.commit(partial(webhooks.lease, seconds=lease))
            if event is None:  # another process was faster
                break
            await self._post(event)
            tries += 1
        return tries

    async def _post(self, event: Event) -> None:
        answer = await post(self.settings, event.id, event.content)
        wait = min(_AGAIN * 2 ** min(event.tries - 1, 20), _LONGEST)
        over = time.time() + wait > event.made + self.settings.alerts.give_up_hours * _HOUR
        state = SENT if answer.taken else LOST if over else WAITING
        await self._store.commit(partial(webhooks.settle, identity=event.id, state=state, words=str(answer), wait=wait))
        if not answer.taken:
            words = "given up" if over else f"tried again in {wait:.0f} seconds"
            told = logs.fields(event=ids.text(event.id), try_number=event.tries)
            _log.warning("the webhook did not take an alert: %s; %s", answer, words, extra=told)


async def post(settings: Settings, identity: int, content: str) -> Answer:
    """Post one event; whatever goes wrong is an answer."""
    body = content.encode()
    try:
        reply = await https.ask(await _request(settings, identity, body), settings.alerts.seconds)
    except NotFetched as error:
        return Answer(0, str(error))
    except MailError as error:
        return Answer(0, str(error).rstrip("."))
    words = reply.body.decode("utf-8", "replace")[:_SHOWN]
    return Answer(reply.status, "".join(letter if letter.isprintable() else " " for letter in words).strip())


def signature(secret: bytes, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256 of the body, in hexadecimal digits."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


async def _request(settings: Settings, identity: int, body: bytes) -> Request:
    wanted = settings.alerts
    parts = urlsplit(wanted.webhook.url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    found = await _addresses(settings, host)
    if not secure:
        found = [address for address in found if ip_address(address).is_private]
        if not wanted.plain or not found:
            raise NotFetched("http:// is for this host and private networks only")
    headers = {"Content-Type": "application/json", EVENT: ids.text(identity)}
    secret = _secret(settings)
    if secret:
        headers[SIGNATURE] = signature(secret, body)
    return Request(
        host,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        tuple(found),
        tls.client_context(verify=True, ca_file=wanted.ca_file) if secure else None,
        parts.port or (https.PORT if secure else _HTTP),
        _ANSWER,
        cut=True,
        method="POST",
        content=body,
        headers=headers,
    )


async def _addresses(settings: Settings, host: str) -> list[str]:
    if host == "localhost":  # RFC 6761 §6.3: no question for the DNS
        return ["127.0.0.1", "::1"]
    try:
        return [str(ip_address(host))]
    except ValueError:
        return [one.address for one in await addresses(Resolver(settings.dns), host)]


def _secret(settings: Settings) -> bytes:
    path = settings.alerts.secret_file
    if path is None:
        return b""
    try:
        secret = path.read_bytes().partition(b"\n")[0].strip()
    except OSError as error:
        raise NotFetched(f"the secret {path} cannot be read ({error.strerror})") from None
    if not secret:
        raise NotFetched(f"there is no secret in {path}")
    return secret
