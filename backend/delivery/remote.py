"""The SMTP transport: finds a host of the next hop, and hands it messages on one connection."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from dataclasses import replace

from backend import tls
from backend.config import Settings
from backend.delivery import transaction
from backend.delivery.route import Hop
from backend.delivery.tlsrpt.results import Results
from backend.delivery.transport import Job, Unreachable
from backend.delivery.trust import dane
from backend.delivery.trust.demand import (
    DANE,
    ENCRYPT,
    MAY,
    NO_STARTTLS,
    NONE,
    Demand,
    Demands,
    Source,
    Unfit,
)
from backend.delivery.trust.policies import Failure, Found, Policies, Shelf
from backend.errors import MailError, Permanent, Temporary
from backend.resolver.mail_hosts import Host, addresses, mail_hosts
from backend.resolver.resolver import Resolver
from backend.smtp.answers import Answer
from backend.smtp.client import Client, Lost, Refused, Times, TlsFailed, connect
from backend.store.database import Store
from backend.store.messages import TLS_OPTIONAL, TLS_REQUIRED
from backend.store.queue import Result
from backend.store.tls_results import NO_POLICY, UNUSABLE

_MESSAGES = 1_000  # over one connection: then a new one, so that a balancer may choose anew
_PLAIN_FOR = 3_600.0  # seconds that a host whose TLS failed is spoken to in plain text
_PLAIN_HOSTS = 10_000  # of them remembered
_WHO = {
    "dane": "its domain asks for it (DANE)",
    "sts": "its domain asks for it (MTA-STS)",
    "site": "the settings ask for it",
    "message": "the message asks for it (REQUIRETLS)",
}
_TRUST = {MAY: "opportunistic", ENCRYPT: "encrypted", DANE: "dane"}  # what TLS of a level is, in the trace
_OURSELVES = Answer(554, "5.4.6", ("This would be ourselves, and the domain is not one of ours: a loop",))


class Outside:
    """What all connections out share: settings, names, TLS, and what is known of other hosts."""

    def __init__(self, settings: Settings, store: Store, results: Results) -> None:
        self.settings = settings
        self.results = results
        self.resolver = Resolver(settings.dns)
        self.opportunistic = tls.opportunistic_context()
        self.shown = tls.client_context(verify=False)  # its certificate is looked at afterwards
        self.verified = tls.client_context(verify=True, ca_file=settings.outbound.ca_file)
        self.policies = Policies(
            Shelf(store),
            self.resolver,
            seconds=settings.outbound.policy_seconds,
            context=lambda: self.verified,
            noted=self._not_had,
        )
        self.demands = Demands(settings, self.resolver, self.policies)
        # Who is being looked for does not take the place of who is there: dead hosts are slow.
        self.seeking = asyncio.Semaphore(settings.delivery.connections)
        self.connections = asyncio.Semaphore(settings.delivery.connections)
        self.plain: dict[str, float] = {}  # address -> until when

    def times(self) -> Times:
        """Time limits of a connection."""
        delivery = self.settings.delivery
        return Times(delivery.connect_timeout, delivery.command_timeout, delivery.data_timeout)

    def _not_had(self, domain: str, failure: Failure) -> None:
        self.results.note(Source(domain, "sts"), "", "", failure.result, failure.reason)

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
        found, (port, hosts) = await asyncio.gather(self._policy(), self._hosts())
        async with self._outside.seeking:
            client = await self._find(found, port, hosts)
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

    async def _policy(self) -> Found:
        try:
            return await self._outside.demands.policy(self._hop)
        except Temporary as error:
            raise Unreachable(str(error), error.status) from error

    async def _find(self, found: Found, port: int, hosts: list[Host]) -> Client:
        hop = self._hop
        if not 0 < port < 65_536:
            raise Unreachable(f"{hop.to} has no port that can be used.", "4.4.1")
        last = Unreachable(f"{hop.domain or hop.to} has no address.", "4.4.1")
        refused = unfit = 0
        for host in hosts:
            mta = f"{host.name}[{host.address}]:{port}"
            try:
                return await self._open(host, port, found)
            except Refused as error:
                refused += error.answer.code >= 500
                last = Unreachable(error.answer.text, error.answer.status, mta=mta)
            except Unfit as error:
                unfit += hop.need == TLS_REQUIRED and not error.passing
                detail = {"failure": error.result, "asked_by": error.why}
                last = Unreachable(f"{error}: {mta}", error.status, mta=mta, detail=detail)
            except Lost as error:
                last = Unreachable(f"{error}: {mta}", "4.4.1", mta=mta)
        # REQUIRETLS: when no host can keep to it, the sender hears of it at once (RFC 8689 §4.2.1).
        last.permanent = (hop.to is None and 0 < refused == len(hosts)) or 0 < unfit == len(hosts)
        if last.permanent and unfit:
            last.status = last.status if last.status == "5.7.30" else "5.7.10"
        elif last.status[:1] != ("5" if last.permanent else "4"):
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
            found = await addresses(self._outside.resolver, name)
            return [replace(host, meant=True, domains=(name,)) for host in found]  # the settings mean it

    # -- a connection, as sure as it must be

    async def _open(self, host: Host, port: int, found: Found) -> Client:
        """A connection that may carry messages: greeted, in TLS as is demanded, logged in. Unfit, TlsFailed ..."""
        outside = self._outside
        try:
            demand = await outside.demands.of(self._hop, host, port, found)
        except Unfit as error:
            self._note(error.source, host, error.result, str(error))
            raise
        match demand.level:
            case "test":
                with contextlib.suppress(TlsFailed):
                    return await self._tested(host, port, demand)
                # The domain only wants to hear of it (RFC 8461 §5), and has: what follows is not counted.
                demand = replace(demand, level=MAY, source=Source(""))
            case "none":
                return await self._talk(host, port, demand)
            case "may":
                pass
            case _:
                return await self._sure(host, port, demand)
        if outside.plain.get(host.address, 0.0) > time.monotonic():
            self._note(demand.source, host, "validation-failure", "TLS has failed within this hour")
            return await self._talk(host, port, replace(demand, level=NONE))
        try:
            return await self._counted(host, port, demand)
        except TlsFailed:
            outside.speak_plain(host.address)  # better than not at all (RFC 7435)
        return await self._talk(host, port, replace(demand, level=NONE))

    async def _sure(self, host: Host, port: int, demand: Demand) -> Client:
        """A connection that must be what is demanded; Unfit."""
        try:
            return await self._counted(host, port, demand)
        except TlsFailed as error:
            status = "4.7.10" if error.result == NO_STARTTLS else "4.7.5"
            raise Unfit(str(error), error.result, demand.why, demand.source, status=status) from error

    async def _tested(self, host: Host, port: int, demand: Demand) -> Client:
        """A connection as the policy would have it, were it in force."""
        if not demand.names:
            self._note(demand.source, host, "validation-failure", "the policy does not name this host")
            raise TlsFailed("The policy does not name this host")
        return await self._counted(host, port, demand)

    async def _counted(self, host: Host, port: int, demand: Demand) -> Client:
        """The connection, and its place in the figures."""
        try:
            client = await self._talk(host, port, demand)
        except TlsFailed as error:
            self._note(demand.source, host, error.result, error.reason)
            raise
        if client.tls and demand.level == ENCRYPT:
            self._note(demand.source, host, UNUSABLE, source=client.local)
        elif client.tls:
            self._note(demand.source, host, source=client.local)
        elif demand.source.kind == NO_POLICY and demand.level == MAY:
            self._note(demand.source, host, NO_STARTTLS, source=client.local)
        return client

    def _note(self, policy: Source, host: Host, result: str = "", reason: str = "", source: str = "") -> None:
        # A host of the settings publishes nothing; mail that asks for less is not counted (RFC 8460 §3).
        if self._hop.to is None and self._hop.need != TLS_OPTIONAL:
            self._outside.results.note(policy, host.name, host.address, result, reason, source)

    async def _talk(self, host: Host, port: int, demand: Demand) -> Client:
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
            if client.tls:
                client.trust = "pkix"
            elif demand.level != NONE:
                await self._start_tls(client, host, demand)
            if hop.need == TLS_REQUIRED and "REQUIRETLS" not in client.extensions:
                words = f"{host.name} does not keep to REQUIRETLS (RFC 8689)"
                await client.quit()
                raise Unfit(words, "", "message", demand.source, status="5.7.30")
            if hop.user:
                await self._login(client)
        except BaseException:
            client.abort()
            raise
        return client

    async def _start_tls(self, client: Client, host: Host, demand: Demand) -> None:
        if "STARTTLS" not in client.extensions:
            if demand.level != MAY:
                raise TlsFailed(f"the host offers no STARTTLS, and {_WHO[demand.why]}", NO_STARTTLS)
            return
        contexts = {MAY: self._outside.opportunistic, ENCRYPT: self._outside.opportunistic, DANE: self._outside.shown}
        name = demand.names[0] if demand.names else host.name
        await client.start_tls(contexts.get(demand.level, self._outside.verified), name)
        if demand.level == DANE:
            await self._match(client, demand)
        client.trust = _TRUST.get(demand.level) or ("sts" if demand.source.kind == "sts" else "pkix")
        try:
            await client.hello(self._outside.settings.site.hostname)
        except Lost as error:  # some find fault with the handshake only after it
            raise TlsFailed(str(error), reason="the host went away after the handshake") from error

    async def _match(self, client: Client, demand: Demand) -> None:
        loop = asyncio.get_running_loop()
        wanted = (client.chain(), demand.records, demand.names, time.time())
        try:
            await loop.run_in_executor(transaction.threads, dane.check, *wanted)
        except dane.Mismatch as error:
            raise TlsFailed(str(error), error.result, str(error)) from error

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
