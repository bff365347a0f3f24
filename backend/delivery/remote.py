"""The SMTP transport: finds a host of the next hop, and hands it messages on one connection."""

from __future__ import annotations

import asyncio
import ipaddress
import time

from backend import tls
from backend.config import Settings
from backend.delivery import transaction
from backend.delivery.route import Hop
from backend.delivery.transport import Job, Unreachable
from backend.errors import MailError, Permanent
from backend.resolver.mail_hosts import Host, addresses, mail_hosts
from backend.resolver.resolver import Resolver
from backend.smtp.answers import Answer
from backend.smtp.client import Client, Lost, Refused, Times, TlsFailed, connect
from backend.store.queue import Result

_MESSAGES = 1_000  # over one connection: then a new one, so that a balancer may choose anew
_PLAIN_FOR = 3_600.0  # seconds that a host whose TLS failed is spoken to in plain text
_PLAIN_HOSTS = 10_000  # of them remembered
_OURSELVES = Answer(554, "5.4.6", ("This would be ourselves, and the domain is not one of ours: a loop",))


class Outside:
    """What all connections out share: settings, names, TLS, and what is known of other hosts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.resolver = Resolver(settings.dns)
        self.opportunistic = tls.client_context(verify=False)
        self.verified = tls.client_context(verify=True)
        # Who is being looked for does not take the place of who is there: dead hosts are slow.
        self.seeking = asyncio.Semaphore(settings.delivery.connections)
        self.connections = asyncio.Semaphore(settings.delivery.connections)
        self.plain: dict[str, float] = {}  # address -> until when

    def times(self) -> Times:
        """Time limits of a connection."""
        delivery = self.settings.delivery
        return Times(delivery.connect_timeout, delivery.command_timeout, delivery.data_timeout)

    def speak_plain(self, address: str) -> None:
        """No TLS with this host for a while."""
        if len(self.plain) >= _PLAIN_HOSTS:
            self.plain.clear()
        self.plain[address] = time.monotonic() + _PLAIN_FOR


class Smtp:
    """One connection to a hop, made when it is needed and made again when it is lost."""

    def __init__(self, hop: Hop, outside: Outside) -> None:
        self._hop = hop
        self._outside = outside
        self._client: Client | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a connection that bears another message."""
        client = self._client
        if client is None or not client.usable:
            return False
        return client.used < min(_MESSAGES, transaction.limit(client, "MAILMAX") or _MESSAGES)

    async def connect(self) -> None:
        """A new connection. Unreachable."""
        await self.rest()
        async with self._outside.seeking:
            client = await self._find()
        try:
            await self._outside.connections.acquire()
        except BaseException:
            client.abort()
            raise
        self._client = client

    async def deliver(self, job: Job) -> list[Result]:
        """Hand over one message. A connection that went stale while it was idle is replaced."""
        if self.ready:
            client = self._client
            assert client is not None
            heard = client.answered
            results = await self._send(client, job)
            stale = not client.usable and client.answered <= heard + 1  # gone before it could have taken anything
            if client.used == 1 or not stale:
                return results
        await self.connect()
        assert self._client is not None
        return await self._send(self._client, job)

    async def rest(self) -> None:
        """Say goodbye."""
        client, self._client = self._client, None
        if client is not None:
            self._outside.connections.release()
            await client.quit()

    async def _send(self, client: Client, job: Job) -> list[Result]:
        client.used += 1
        return await transaction.send(client, job, self._outside.settings)

    # -- finding somebody

    async def _find(self) -> Client:
        hop = self._hop
        port, hosts = await self._hosts()
        if not 0 < port < 65_536:
            raise Unreachable(f"{hop.to} has no port that can be used.", "4.4.1")
        last = Unreachable(f"{hop.domain or hop.to} has no address.", "4.4.1")
        refused = 0
        for host in hosts:
            mta = f"{host.name}[{host.address}]:{port}"
            try:
                return await self._open(host, port)
            except Refused as error:
                refused += error.answer.code >= 500
                last = Unreachable(error.answer.text, error.answer.status, mta=mta)
            except (Lost, TlsFailed) as error:
                last = Unreachable(f"{error}: {mta}", "4.4.1", mta=mta)
        last.permanent = hop.to is None and 0 < refused == len(hosts)
        if last.status[:1] != ("5" if last.permanent else "4"):
            last.status = "5.3.2" if last.permanent else "4.3.2"
        raise last

    async def _hosts(self) -> tuple[int, list[Host]]:
        """The port, and whom to try there."""
        hop, settings = self._hop, self._outside.settings
        try:
            if hop.to is not None:
                return hop.to.port, await self._addresses(hop.to.host)
            return settings.delivery.port, await mail_hosts(self._outside.resolver, hop.domain, settings.site.hostname)
        except MailError as error:
            # A wrong smart host is the site's mistake, and no reason to return mail.
            permanent = isinstance(error, Permanent) and hop.to is None
            status = error.status if permanent or error.status[:1] == "4" else "4.4.4"
            raise Unreachable(str(error), status, permanent=permanent) from error

    async def _addresses(self, name: str) -> list[Host]:
        try:
            return [Host(name, str(ipaddress.ip_address(name)))]
        except ValueError:
            if name == "localhost":
                return [Host(name, "127.0.0.1"), Host(name, "::1")]
            return await addresses(self._outside.resolver, name)

    async def _open(self, host: Host, port: int) -> Client:
        """A connection that may carry messages: greeted, in TLS as the hop wants, logged in."""
        outside, may = self._outside, self._hop.tls == "may"
        if may and outside.plain.get(host.address, 0.0) > time.monotonic():
            return await self._talk(host, port, plain=True)
        try:
            return await self._talk(host, port, plain=False)
        except TlsFailed:
            if not may:
                raise
        outside.speak_plain(host.address)  # better than not at all (RFC 7435)
        return await self._talk(host, port, plain=True)

    async def _talk(self, host: Host, port: int, *, plain: bool) -> Client:
        outside, hop = self._outside, self._hop
        settings = outside.settings
        source = settings.delivery.source_ipv6 if ":" in host.address else settings.delivery.source_ipv4
        wrapped = outside.verified if hop.tls == "wrapped" else None
        client = await connect(
            host.address, port, host.name, outside.times(), source=source, tls=wrapped, hostname=host.name
        )
        try:
            name = await client.hello(settings.site.hostname)
            if hop.to is None and name == settings.site.hostname.lower():
                raise Refused(_OURSELVES)
            if not client.tls and not plain:
                await self._start_tls(client, host)
            if hop.user:
                await self._login(client)
        except BaseException:
            client.abort()
            raise
        return client

    async def _start_tls(self, client: Client, host: Host) -> None:
        must = self._hop.tls == "must"
        if "STARTTLS" not in client.extensions:
            if must:
                raise TlsFailed("the host offers no STARTTLS, and smarthost_tls asks for it")
            return
        await client.start_tls(self._outside.verified if must else self._outside.opportunistic, host.name)
        try:
            await client.hello(self._outside.settings.site.hostname)
        except Lost as error:  # some find fault with the handshake only after it
            raise TlsFailed(str(error)) from error

    async def _login(self, client: Client) -> None:
        path = self._hop.password_file
        if path is None:
            raise Lost("[relay] smarthost_user is set, and smarthost_password_file is not")
        address = client.name.rpartition("[")[2].partition("]")[0]
        if not client.tls and not ipaddress.ip_address(address).is_loopback:
            raise Lost("the smart host offers no TLS, and the password is not sent without")
        loop = asyncio.get_running_loop()
        try:
            secret = await loop.run_in_executor(transaction.threads, path.read_text)
        except (OSError, UnicodeDecodeError) as error:
            raise Lost(f"the password file cannot be read ({error})") from None
        await client.login(self._hop.user, secret.strip("\r\n"))
