"""Settings: one TOML file, parsed once into frozen dataclasses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from backend.limits import Limits

Network = IPv4Network | IPv6Network


# What a click runs, on some system or other.
_PROGRAMS = (
    "ade", "adp", "app", "bat", "chm", "cmd", "com", "cpl", "dll", "exe", "hta", "img", "ins", "iso", "isp",
    "jar", "js", "jse", "lnk", "mde", "msc", "msi", "msp", "mst", "pif", "ps1", "reg", "scf", "scr", "sct",
    "shb", "sys", "vb", "vbe", "vbs", "vhd", "vhdx", "ws", "wsc", "wsf", "wsh", "xll",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HostPort:
    """`mail.example.org:25`, `192.0.2.1:25` or `[2001:db8::1]:25`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class WebAddress:
    """`https://alerts.example.org/in/a-key`. What is behind the host may be a secret, and is shown to nobody."""

    url: str = ""

    def __bool__(self) -> bool:
        return bool(self.url)

    def __str__(self) -> str:
        host = re.match(r"[a-z]+://[^/?#]*", self.url)
        return host[0] + ("/..." if self.url[host.end() :].strip("/") else "") if host else ""


@dataclass(frozen=True, slots=True)
class Site:
    """[site]: who we are."""

    hostname: str = "localhost"  # the name in the greeting, in EHLO and in Received
    domain: str = "localhost"  # the first own domain: postmaster lives here
    data: Path = Path("data")  # the store: database and bodies; relative to the folder of the settings
    run: Path = Path("run")  # sockets and what does not outlive a start
    user: str = ""  # the user to drop to after binding the ports; empty: stay


@dataclass(frozen=True, slots=True)
class Listen:
    """[listen]: addresses and ports; port 0 switches one off."""

    addresses: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104  a mail host listens to the world
    smtp: int = 25
    submission: int = 587  # STARTTLS, then AUTH (RFC 6409)
    submissions: int = 465  # TLS from the first byte (RFC 8314)
    ssh: int = 22  # operators: the console and its command line


@dataclass(frozen=True, slots=True)
class Tls:
    """[tls]: PEM files; relative to the folder of the settings."""

    certificate: Path = Path("tls/cert.pem")
    key: Path = Path("tls/key.pem")


@dataclass(frozen=True, slots=True)
class Route:
    """[[relay.route]]: mail for one domain goes to one host, whatever its MX says. `.remote.test`: its subdomains."""

    domain: str
    to: HostPort

    def __str__(self) -> str:
        return f"{self.domain} to {self.to}"


@dataclass(frozen=True, slots=True)
class Relay:
    """[relay]: who may send to the world through us, and by which way it leaves."""

    networks: tuple[Network, ...] = (ip_network("127.0.0.1/32"), ip_network("::1/128"))
    smarthost: HostPort | None = None
    smarthost_user: str = ""
    smarthost_password_file: Path | None = None
    # may: STARTTLS when offered; must: STARTTLS with a valid certificate; wrapped: TLS from the first byte
    smarthost_tls: str = "may"
    route: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Dns:
    """[dns]: where names are asked. Empty: /etc/resolv.conf."""

    nameservers: tuple[HostPort, ...] = ()
    timeout_seconds: float = 5.0  # of one try
    lifetime_seconds: float = 15.0  # of one question, all tries
    questions: int = 500  # waiting for an answer at once, of one process
    message_questions: int = 200  # that one message may cause
    message_seconds: float = 20.0  # that one message may wait for answers in all
    validating: bool = False  # the name servers check DNSSEC, and the way to them is safe: their AD bit is believed


@dataclass(frozen=True, slots=True)
class ReverseDns:
    """[reverse_dns]: the address of another mail host must have a name (RFC 8601 §3, iprev)."""

    enabled: bool = True
    missing: str = "refuse"  # an address without PTR: refuse (550) or mark
    # A name that does not lead back to the address: refuse (550) or mark. Many honest hosts are set up that way.
    unconfirmed: str = "mark"


@dataclass(frozen=True, slots=True)
class Code:
    """[[dnslists.zone.code]]: what some answers of a list mean."""

    answer: str  # "127.0.0.2", a range "127.0.0.4-7", any "127.0.*.3", a bit "127.0.0.&8"
    weight: float = 1.0  # of a client or domain that has it; 0: noted, and no more
    words: str = ""  # what it means, for the one who is refused


@dataclass(frozen=True, slots=True)
class ListZone:
    """[[dnslists.zone]]: one DNS list (RFC 5782). What it leaves out comes from its preset."""

    preset: str = ""  # a name of backend/list_presets.py
    zone: str = ""  # as "dnsbl.example.net"
    kind: str = ""  # black or white
    about: tuple[str, ...] = ()  # what is looked up there: ipv4, ipv6, sender, helo, host, url, url_host, url_ip
    code: tuple[Code, ...] = ()  # empty: 127.0.0.2 to 127.0.0.254 are listed, with weight 1
    weight: float = 1.0  # the weights of its codes are multiplied by this
    words: str = ""  # what it lists, for people
    url: str = ""  # where who is listed can ask; {what} stands for the address or domain
    test: str = ""  # what must be listed there, when it is not what RFC 5782 §5 says
    refusals: tuple[str, ...] = ()  # answers by which it says that it does not serve us; they list nobody

    def __str__(self) -> str:
        return self.preset or self.zone


@dataclass(frozen=True, slots=True)
class DnsLists:
    """[dnslists]: black and white lists in the DNS."""

    enabled: bool = True
    threshold: float = 1.0  # from this sum of weights on black lists refuse, and white lists vouch
    timeout_seconds: float = 2.0  # for one list to answer; a list that does not lists nobody
    test_minutes: float = 5.0  # between tests of each list; 0: never
    own_addresses: tuple[str, ...] = ()  # that must be on no black list; empty: those that mail leaves from
    zone: tuple[ListZone, ...] = (
        ListZone("rediris-eswl"),
        ListZone("rediris-mtawl"),
        ListZone("spamhaus-zen"),
        ListZone("spamcop"),
    )


@dataclass(frozen=True, slots=True)
class Greylist:
    """[greylist]: who has never written before is to come again."""

    enabled: bool = False
    delay_minutes: float = 5.0  # before the same mail is taken
    retry_hours: float = 24.0  # in which it has to come again
    keep_days: float = 36.0  # that who has passed is known: longer than a month between two letters
    passes: int = 5  # of different mail from one network, and all mail of that network passes


@dataclass(frozen=True, slots=True)
class Dkim:
    """[dkim]: signatures of domains, verified on the way in and made on the way out (RFC 6376)."""

    enabled: bool = True  # verify
    signatures: int = 10  # of one message that are looked at, from the top
    failed: str = "mark"  # mail with nothing but failed signatures: mark, or reject
    oldest_days: int = 14  # since a signature was made for it to count; 0: any
    replay_recipients: int = 1_000  # of one signature within `replay_hours`; then it counts no more; 0 is no limit
    replay_hours: int = 24
    sign: bool = True  # what our own users, hosts and the service itself send
    good_days: int = 14  # that our signatures are good for: longer than mail waits in queues; 0: for ever
    look_seconds: int = 300  # between looks whether the DNS shows a new key
    settle_minutes: int = 60  # that it must have been seen before it signs: other name servers may be behind
    overlap_days: int = 14  # that an old key stays published after the last mail it signed


@dataclass(frozen=True, slots=True)
class Arc:
    """[arc]: what mail hosts before us found, passed on in sealed sets (RFC 8617)."""

    enabled: bool = True  # verify
    seal: bool = True  # what our aliases send on to other hosts
    trusted: tuple[str, ...] = ()  # domains whose seals may stand in for a DMARC pass


@dataclass(frozen=True, slots=True)
class Spf:
    """[spf]: what the sender's domain says of its hosts (RFC 7208)."""

    enabled: bool = True
    fail: str = "reject"  # or mark
    permerror: str = "mark"  # or reject
    temperror: str = "defer"  # or mark
    seconds: float = 20.0  # for one question, RFC 7208 §4.6.4
    trusted_forwarders: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class SpamScorer:
    """[[spam.scorer]]: a program of somebody else that is asked too."""

    name: str  # in the header and in the trace
    kind: str  # rspamd or spamassassin
    address: str  # host:port, or the path of a unix socket
    seconds: float = 4.0  # for one message, waiting included; later it passes without its word
    connections: int = 10  # messages at once, of one SMTP worker
    largest_bytes: int = 1_048_576  # a larger message is not sent
    required: float = 0.0  # its score that is our threshold; 0: what spamd says, and 6 for rspamd, from which it marks
    weight: float = 1.0  # times its points
    most: float = 10.0  # of our points that it can give, or take
    user: str = ""  # of spamassassin: whose preferences it takes
    when_down: str = "pass"  # nobody waits for a score


@dataclass(frozen=True, slots=True)
class Spam:
    """[spam]: mail that is marked."""

    enabled: bool = True
    threshold: float = 5.0  # points from which on a message is spam
    keep_days: int = 30  # that the scores of messages are kept: points, reasons, the sender's domain
    keep_scores: int = 100_000  # at the most, the newest: some 20 MB
    ours: bool = False  # also what our own users and hosts send
    junk: bool = False  # it goes to Junk of who has not said what they want, not to INBOX
    seconds: float = 5.0  # for one message; later it passes unmarked
    url_points: float = 4.0  # for links to a host on a black list of weight 1 ([dnslists], about url)
    url_most: float = 8.0  # for all such lists together
    url_hosts: int = 20  # of one message that are looked up
    url_skip: tuple[str, ...] = ()  # domains that are not, beside our own and those of the largest services
    scorer: tuple[SpamScorer, ...] = ()


@dataclass(frozen=True, slots=True)
class Srs:
    """[srs]: mail that an alias sends on to another host leaves with a sender of ours, so that SPF passes there."""

    enabled: bool = True
    domain: str = ""  # of the sender; empty: [site] domain
    days: int = 21  # that a bounce may take to come back


@dataclass(frozen=True, slots=True)
class Access:
    """[access]: the white and black lists of our own."""

    enabled: bool = True
    rules: int = 500_000  # at the most; they cost disk, not time
    names: int = 10  # of one client that are looked up, where rules are about host names


@dataclass(frozen=True, slots=True)
class Dmarc:
    """[dmarc]: what the owners of domains want done with mail that is not theirs (RFC 7489)."""

    enabled: bool = True
    apply: bool = True  # do what they want; false: note it only
    exceptions: tuple[str, ...] = ()  # domains, as of mailing lists, whose proven mail may have anybody in From
    reports: bool = True  # tell them once a day what came in their name
    report_from: str = ""  # the sender of these reports; empty: dmarc-reports@ the first own domain
    organisation: str = ""  # who reports; empty: the first own domain
    contact: str = ""  # where to ask about a report, an address or a URL; empty: postmaster@ the first own domain
    report_domains: int = 1_000  # reports of one day at the most: those with the most mail first
    report_rows: int = 5_000  # of one report
    report_address: str = ""  # an address of ours at which reports about our own domains come in; empty: none
    incoming_rows: int = 2_000  # kept of one incoming report: those with the most mail
    keep_days: int = 400  # that incoming reports, and what was sent, can be seen


@dataclass(frozen=True, slots=True)
class AntivirusEngine:
    """[[antivirus.engine]]: one engine beside the embedded one."""

    name: str
    kind: str = "clamd"  # or command
    address: str = "/run/clamav/clamd.ctl"  # of clamd: a socket's path, or host:port
    command: tuple[str, ...] = ()  # a program and its arguments; it reads the message from its standard input
    infected_code: int = 1  # the exit code that says infected; 0 is clean, any other a failure
    seconds: float = 60.0  # for one message
    connections: int = 10  # messages at once, of one SMTP worker; clamd's MaxThreads is 10
    signature_days: int = 7  # signatures older than this are a failure; 0: never
    when_down: str = "defer"  # or pass: the message is taken, and marked


@dataclass(frozen=True, slots=True)
class Antivirus:
    """[antivirus]: what is looked at in every message, in and out, and what is done."""

    enabled: bool = True
    yara: bool = True  # the embedded engine
    rules: Path = Path("yara")  # the site's own rules, *.yar
    when_down: str = "defer"  # the embedded engine failed: defer, or pass
    infected: str = "reject"  # from outside: reject or quarantine; from inside it is always refused
    refused_types: tuple[str, ...] = _PROGRAMS  # by the ends of their names
    refused: str = "reject"  # files of these types, and programs by any name: reject, quarantine, mark or pass
    encrypted: str = "mark"  # archives and documents that nobody can look into
    macros: str = "mark"  # Office files with macros in them
    unscannable: str = "reject"  # bombs, and what is over the limits
    suspend: bool = False  # an account that sends something infected is suspended at once
    alert_hours: int = 24  # one mail to the postmaster about the same thing in this time
    quarantine_days: int = 30  # that what is in quarantine is kept
    engine: tuple[AntivirusEngine, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """[probe]: test files that the service sends through itself once a day, EICAR and GTUBE, in and out."""

    enabled: bool = True
    hour: int = 4  # of the day in UTC
    recipient: str = ""  # an address of ours to which they are sent from outside; empty: postmaster of the first domain


@dataclass(frozen=True, slots=True)
class Alerts:
    """[alerts]: alerts, beside the mail to the postmaster."""

    webhook: WebAddress = WebAddress()  # to which they are posted; empty: none
    secret_file: Path | None = None  # its first line is the key of their signature
    ca_file: Path | None = None  # authorities to trust in place of the system's
    plain: bool = False  # http:// may be used, to addresses of this host and of private networks
    seconds: float = 10.0  # for one try
    give_up_hours: int = 24


@dataclass(frozen=True, slots=True)
class Delivery:
    """[delivery]: the queue and the way out. Times in seconds."""

    port: int = 25  # where other mail hosts listen
    retry_first: int = 300
    retry_max: int = 14_400
    delay_notice: int = 14_400  # 0: no delay notices
    give_up: int = 432_000
    lease: int = 600  # a killed process's entries come back after this
    connections: int = 100  # out, at once
    connections_per_destination: int = 20  # at once; the number in use grows and shrinks with the answers
    idle_connection: int = 5  # an idle connection is kept this long for the next message
    connect_timeout: int = 30
    command_timeout: int = 300  # RFC 5321 §4.5.3.2
    data_timeout: int = 600  # for the reply after the final dot, RFC 5321 §4.5.3.2.6
    source_ipv4: str = ""  # the address to send from; empty: the system's choice
    source_ipv6: str = ""


@dataclass(frozen=True, slots=True)
class DomainTls:
    """[[outbound.domain]]: an exception. `.remote.test` is for what is below it.

    `tls`: none: plain text; may: TLS when it works, whatever the domain asks; must: a certificate that is good for the
    mail host's name, or that DANE vouches for; dane: only what DANE vouches for.
    """

    domain: str
    tls: str


@dataclass(frozen=True, slots=True)
class Outbound:
    """[outbound]: how sure connections to other mail hosts are, and reports about it."""

    dane: bool = True  # RFC 7672; counts where [dns] validating is true
    mta_sts: bool = True  # RFC 8461
    ca_file: Path | None = None  # authorities to trust in place of the system's
    policy_seconds: float = 30.0  # that the fetch of one policy may take (RFC 8461 §3.3: at most a minute)
    tls_reports: bool = True  # RFC 8460: sent once a day to domains that want them
    report_contact: str = ""  # in reports; empty: postmaster of the first domain
    report_days: int = 60  # that results and reports of others are kept
    problem_hours: int = 4  # that a domain may fail what it asks before it is a problem
    own_mode: str = "testing"  # of our own policy: enforce, testing, none
    own_hosts: tuple[str, ...] = ()  # its mx lines; empty: [site] hostname
    own_days: int = 7  # its max_age
    domain: tuple[DomainTls, ...] = ()


@dataclass(frozen=True, slots=True)
class Ssh:
    """[ssh]: operators from anywhere."""

    host_key: Path = Path("ssh/host_key")
    passwords: bool = False  # also for operators who have a key; who has none may always use a password
    self_service: bool = True  # mail accounts may log in to change their password, and for nothing else
    idle_minutes: int = 30  # without a key pressed, or a new question asked, before a session ends; 0: never


@dataclass(frozen=True, slots=True)
class Management:
    """[management]: what operators do."""

    undo_hours: int = 72  # that what was deleted can be put back


@dataclass(frozen=True, slots=True)
class Trace:
    """[trace]: how long events are kept."""

    keep_days: int = 30
    statistics_days: int = 400


@dataclass(frozen=True, slots=True)
class Accounts:
    """[accounts]"""

    tag_separator: str = "+"  # user+tag@: mail reaches user; empty: none
    quota_bytes: int = 0  # of one account; 0: no limit
    one_time_hours: int = 72  # that a one-time password is good for


@dataclass(frozen=True, slots=True)
class Workers:
    """[workers]: processes a role."""

    smtp: int = 0  # 0: one a core


@dataclass(frozen=True, slots=True)
class Log:
    """[log]: structured lines on stderr."""

    level: str = "info"  # debug, info, warning, error


@dataclass(frozen=True, slots=True)
class Settings:
    """All of mailconsole.toml. `path` is the file; relative paths inside are already joined to its folder."""

    path: Path = Path("mailconsole.toml")
    site: Site = field(default_factory=Site)
    listen: Listen = field(default_factory=Listen)
    tls: Tls = field(default_factory=Tls)
    relay: Relay = field(default_factory=Relay)
    limits: Limits = field(default_factory=Limits)
    dns: Dns = field(default_factory=Dns)
    reverse_dns: ReverseDns = field(default_factory=ReverseDns)
    dnslists: DnsLists = field(default_factory=DnsLists)
    greylist: Greylist = field(default_factory=Greylist)
    dkim: Dkim = field(default_factory=Dkim)
    arc: Arc = field(default_factory=Arc)
    spf: Spf = field(default_factory=Spf)
    spam: Spam = field(default_factory=Spam)
    srs: Srs = field(default_factory=Srs)
    access: Access = field(default_factory=Access)
    dmarc: Dmarc = field(default_factory=Dmarc)
    antivirus: Antivirus = field(default_factory=Antivirus)
    probe: Probe = field(default_factory=Probe)
    alerts: Alerts = field(default_factory=Alerts)
    delivery: Delivery = field(default_factory=Delivery)
    outbound: Outbound = field(default_factory=Outbound)
    accounts: Accounts = field(default_factory=Accounts)
    ssh: Ssh = field(default_factory=Ssh)
    management: Management = field(default_factory=Management)
    trace: Trace = field(default_factory=Trace)
    workers: Workers = field(default_factory=Workers)
    log: Log = field(default_factory=Log)
