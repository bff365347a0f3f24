"""What is known of a client and of the message it is sending. Policy reads this; only the dialogue writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING, Any, Literal

from backend.address import Address
from backend.resolver.answer import Asks
from backend.store.accounts import Account, Resolution

if TYPE_CHECKING:
    from backend.content.scan import Incoming
    from backend.content.scorer import Opinion
    from backend.policy.arc.chain import Chain
    from backend.policy.finding import Finding
    from backend.store.database import Transaction
    from backend.store.probes import Letter

Port = Literal["smtp", "submission", "submissions"]
Peer = IPv4Address | IPv6Address


@dataclass(slots=True)
class Recipient:
    """A forward-path that was accepted. `resolution` says where it leads."""

    address: Address
    resolution: Resolution
    own: bool  # the domain is ours
    notify: str | None = None  # RFC 3461 §4.1
    orcpt: str | None = None  # RFC 3461 §4.2


@dataclass(slots=True)
class MailTransaction:
    """Between MAIL and the end of data (RFC 5321 §3.3). `sender` is None for <>."""

    sender: Address | None
    size: int = 0  # as declared, 0 when not
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str | None = None
    envid: str | None = None
    requiretls: bool = False  # RFC 8689 §4.1
    recipients: list[Recipient] = field(default_factory=list)
    allowed: str = ""  # who vouches for it: a rule of ours or a white list; then no black list is asked
    client_allowed: bool = False  # the rule vouches for the client itself, not for a sender that anybody can write
    allowed_here: bool = False  # `allowed` is only about the recipient under consideration
    findings: dict[str, Finding] = field(default_factory=dict)  # of the checks, by their names
    begun: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    engines: dict[str, str] = field(default_factory=dict)  # what each engine against viruses says of it
    content: Incoming | None = None  # at the stage "message"
    report: dict[str, Any] | None = None  # what the look at it has found, when it was looked at
    probe: Letter | None = None  # this is a test file of the service's own; known from its last byte on
    opinions: asyncio.Task[tuple[Opinion, ...]] | None = None  # what other scorers say of it, once they are asked
    chain: Chain | None = None  # its ARC sets, when the check "arc" has looked
    above: list[bytes] = field(default_factory=list)  # whole header fields that checks want put on top, with CR LF
    counted: set[str] = field(default_factory=set)  # the findings that statistics have already
    counts: list[str] = field(default_factory=list)  # names of figures, for the commit that takes or refuses it
    # What checks want written down once the message is taken, or refused for good: in that transaction.
    written: list[Callable[[Transaction], None]] = field(default_factory=list)

    @property
    def reverse_path(self) -> str:
        """The sender as text, empty for <>."""
        return str(self.sender) if self.sender else ""


@dataclass(slots=True)
class Session:
    """One connection of a client."""

    id: str
    peer: Peer
    local: str  # our address that the client connected to
    port: Port
    helo: str = ""
    esmtp: bool = False
    tls: str = ""  # version and cipher, empty without TLS
    account: Account | None = None  # who logged in
    mail: MailTransaction | None = None
    recipient: Recipient | None = None  # under consideration, at RCPT
    marks: list[str] = field(default_factory=list)  # what checks noted without refusing
    host: str = ""  # the name of the peer, once its reverse and forward DNS agree
    lookups: Asks | None = None  # the DNS, as far as this message may ask it
    findings: dict[str, Finding] = field(default_factory=dict)  # about the client, whatever it sends
    network: str = field(init=False)  # what limits are counted by: the address, of IPv6 its /64, which one customer has
    home: tuple[object, bool] | None = None  # the networks of our own, and whether the peer is in one
    _begun: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        whole = isinstance(self.peer, IPv6Address)
        self.network = str(ip_network((self.peer, 64), strict=False)) if whole else str(self.peer)

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Begin what the check `name` will want to know: of this message when there is one, else of the client."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(_seen)
        (self._begun if self.mail is None else self.mail.begun)[name] = task

    async def begun(self, name: str) -> Any:
        """What was begun under that name, and None when nothing was; raises what it raised."""
        task = self._task(name)
        return None if task is None else await asyncio.shield(task)

    def found(self, name: str) -> Any:
        """The same, where it is at hand; None while it is not, or when it failed. Nobody waits."""
        task = self._task(name)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def _task(self, name: str) -> asyncio.Task[Any] | None:
        mail = self.mail
        return self._begun.get(name) if mail is None or name not in mail.begun else mail.begun[name]

    @property
    def all_findings(self) -> dict[str, Finding]:
        """What is known of the client and of this message."""
        return {**self.findings, **(self.mail.findings if self.mail is not None else {})}

    @property
    def submission(self) -> bool:
        """Whether this is a user's mail program rather than another mail host (RFC 6409)."""
        return self.port != "smtp" or self.account is not None

    @property
    def protocol(self) -> str:
        """SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA and the UTF8SMTP forms (RFC 3848, RFC 6531 §4.3)."""
        if not self.esmtp:
            return "SMTP"
        base = "UTF8SMTP" if self.mail is not None and self.mail.smtputf8 else "ESMTP"
        return base + ("S" if self.tls else "") + ("A" if self.account else "")


def _seen(task: asyncio.Task[Any]) -> None:
    """The error of a task that nobody asked for is no news."""
    if not task.cancelled():
        task.exception()
