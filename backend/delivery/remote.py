"""The SMTP transport: finds a host of the next hop, and hands it messages on one connection."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from backend import tls
from backend.config import Settings
from backend.delivery import transaction
from backend.delivery.route import Hop
from backend.delivery.transport import Job, Unreachable
from backend.errors import MailError, Permanent
from backend.resolver import Host, Resolver
from backend.smtp.client import Client, Lost, Refused, Times, TlsFailed, connect
from backend.store.queue import Result

_MESSAGES = 1_000  # over one connection: then a new one, so that a balancer may choose anew
_PLAIN_FOR = 3_600.0  # seconds that a host whose TLS failed is spoken to in plain text

threads = ThreadPoolExecutor(4, thread_name_prefix="bodies")  # disk reads of large messages


class Outside:
    """What all connections out share: settings, names, TLS, and what is known of other hosts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.resolver = Resolver(settings.dns)
        self.opportunistic = tls.client_context(verify=False)
        self.verified = tls.client_context(verify=True)
        self.connections = asyncio.Semaphore(settings.delivery.connections)
        self.plain: dict[str, float] = {}  # address -> until when

    def times(self) -> Times:
        """Time limits of a connection."""
        delivery = self.settings.delivery
        return Times(delivery.connect_timeout, delivery.command_timeout, delivery.data_timeout)


class Smtp:
    """One connection to a hop, made when it is needed and made again when it is lost."""

    def __init__(self, hop: Hop, outside: Outside) -> None:
        self._hop = hop
        self._outside = outside
        self._client: Client | None = None

    async def deliver(self, job: Job) -> list[Result]:
        """Hand over one message. A connection that went stale while it was idle is replaced."""
        client = self._client
        if client is not None and client.usable and client.used < _MESSAGES:
            return await self._send(client, job)
        await self.rest()
        await self._outside.connections.acquire()
        try:
            self._client = await self._connect()
        except BaseException:
            self._outside.connections.release()
            raise
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

    async def _connect(self) -> Client:
        outside, hop = self._outside, self._hop
        hostname = outside.settings.site.hostname
        try:
            if hop.to is not None:
                port = hop.to.port
                hosts = await self._addresses(hop.to.host)
            else:
                port = outside.settings.delivery.port
                hosts = await outside.resolver.mail_hosts(hop.domain, hostname)
        except MailError as error:
            # A wrong smart host is the site's mistake, and no reason to return mail.
            permanent = isinstance(error, Permanent) and hop.to is None
            raise Unreachable(str(error), error.status, permanent=permanent) from error
        last = Unreachable(f"No address of {hop.domain or hop.to} can be used.", "4.4.1")
        for host in hosts:
            try:
                return await self._open(host, port)
            except Refused as error:
                permanent = error.answer.code >= 500
                status = error.answer.status or ("5.3.2" if permanent else "4.3.2")
                mta = f"{host.name}[{host.address}]:{port}"
                last = Unreachable(error.answer.text, status, permanent=permanent, mta=mta)
            except (Lost, TlsFailed) as error:
                mta = f"{host.name}[{host.address}]:{port}"
                last = Unreachable(f"{error}: {mta}", "4.4.1", mta=mta)
        if last.permanent and hop.to is not None:
            last.permanent = False
        raise last

    async def _addresses(self, name: str) -> list[Host]:
        try:
            return [Host(name, str(ipaddress.ip_address(name)))]
        except ValueError:
            if name == "localhost":
                return [Host(name, "127.0.0.1"), Host(name, "::1")]
            return await self._outside.resolver.addresses(name)

    async def _open(self, host: Host, port: int) -> Client:
        """A connection that may carry messages: greeted, in TLS as the hop wants, logged in."""
        outside, hop = self._outside, self._hop
        plain = outside.plain.get(host.address, 0.0) > time.monotonic() and hop.tls == "may"
        try:
            return await self._talk(host, port, plain=plain)
        except TlsFailed:
            if hop.tls != "may":
                raise
        if len(outside.plain) > 10_000:
            outside.plain.clear()
        outside.plain[host.address] = time.monotonic() + _PLAIN_FOR
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
            await client.hello(settings.site.hostname)
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
        context: ssl.SSLContext = self._outside.verified if must else self._outside.opportunistic
        await client.start_tls(context, host.name)
        await client.hello(self._outside.settings.site.hostname)

    async def _login(self, client: Client) -> None:
        path = self._hop.password_file
        if path is None:
            raise Lost("[relay] smarthost_user is set, and smarthost_password_file is not")
        address = client.name.rpartition("[")[2].partition("]")[0]
        if not client.tls and not ipaddress.ip_address(address).is_loopback:
            raise Lost("the smart host offers no TLS, and the password is not sent without")
        loop = asyncio.get_running_loop()
        try:
            secret = await loop.run_in_executor(threads, path.read_text)
        except (OSError, UnicodeDecodeError) as error:
            raise Lost(f"the password file cannot be read ({error})") from None
        await client.login(self._hop.user, secret.strip("\r\n"))
