"""Every check on for every message: PTR, two black and two white zones, SPF, DKIM and DMARC of 1,000 sender domains.

The peer is Postfix with opendkim, opendmarc, policyd-spf and the same zones. Both ask one NSD; neither has been asked
for any of the domains before its first run.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.bench.load import DOMAIN, BenchSite
from tests.bench.senders import CLIENT, HELO
from tests.bench.table import Row
from tests.harness.checking_postfix import PROGRAMS, CheckingPostfix, waits
from tests.harness.dns import Dns
from tests.harness.waiting import until

_DOMAINS = 1_000
_MESSAGES = 2_000
_SESSIONS = 20
ADDRESS = "127.0.53.53"  # of the name server; what the peer asks is always port 53
_BLACK, _WHITE = ("black1.bench", "black2.bench"), ("white1.bench", "white2.bench")
_LISTED = "2.0.0.127 A 127.0.0.2"  # RFC 5782 §5
_SETTINGS = """\
[relay]
networks = ["127.0.0.1/32"]

[dns]
nameservers = ["{address}:53"]

[reverse_dns]
enabled = true

[spf]
enabled = true

[dkim]
enabled = true

[arc]
enabled = true

[dmarc]
enabled = true

[dnslists]
enabled = true
"""
_LIST = '\n[[dnslists.zone]]\nzone = "{zone}"\nkind = "{kind}"\nabout = ["ipv4"]\n'
_TEXT = "The quick brown fox jumps over the lazy dog, and nobody minds. {number}\r\n"


def measure(folder: Path, runs: int) -> list[Row]:
    """Messages a second, until the last one is in its mailbox."""
    if missing := [program for program in PROGRAMS if not Path(program).exists()]:
        raise SystemExit(f"There is no {missing[0]}: apt-get install opendkim opendmarc postfix-policyd-spf-python.")
    mail = folder / "mail"
    key = messages(mail)
    ours, peer = [], []
    with (
        Dns(folder / "dns", zones(key), host=ADDRESS, port=53, ttl=300),
        BenchSite(folder / "site", ["bob"]) as site,
        CheckingPostfix(
            folder / "postfix", ["bob"], domain=DOMAIN, nameserver=ADDRESS, black=_BLACK, white=_WHITE
        ) as postfix,
    ):
        site.configure(settings())
        site.start()
        for run in range(1, runs + 1):
            start = time.monotonic()
            _send(site.smtp, f"bob@{site.domain}", mail)
            until(lambda total=run * _MESSAGES: site.messages("bob") == total, within=60, every=0.01)  # type: ignore[misc]
            ours.append(_MESSAGES / (time.monotonic() - start))

            start = time.monotonic()
            _send(postfix.port, f"bob@{DOMAIN}", mail)
            waits(postfix, "bob", run * _MESSAGES)
            peer.append(_MESSAGES / (time.monotonic() - start))
        _checked(site)
    return [Row("the same from 1,000 domains, every check on", "/s", ours, peer, times=2)]


def settings() -> str:
    """Every check on, and the lists of the benchmark in place of those of the world."""
    lists = [_LIST.format(zone=zone, kind="black") for zone in _BLACK]
    lists += [_LIST.format(zone=zone, kind="white") for zone in _WHITE]
    return _SETTINGS.format(address=ADDRESS) + "".join(lists)


def _checked(site: BenchSite) -> None:
    """What was measured is what was meant: every check had its say, and liked what it saw."""
    [head, *_] = site.mailboxes(f"bob@{site.domain}")[:1]
    section = head.partition(b"\r\n\r\n")[0]
    for result in (b"iprev=pass", b"spf=pass", b"dkim=pass", b"dmarc=pass"):
        assert result in section, section.decode(errors="replace")


def _send(port: int, recipient: str, mail: Path) -> None:
    words = [str(port), recipient, str(_MESSAGES), str(_SESSIONS), str(mail)]
    subprocess.run([sys.executable, "-m", "tests.bench.senders", *words], check=True, timeout=600)


def messages(folder: Path) -> str:
    """A signed message of 4 KiB for each domain; the key record that all of them have."""
    folder.mkdir()
    key = rsa.generate_private_key(65_537, 2_048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    for number in range(_DOMAINS):
        domain = f"d{number}.bench"
        message = (
            f"From: alice@{domain}\r\nTo: bob@{DOMAIN}\r\nSubject: message {number}\r\n"
            f"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@{domain}>\r\n\r\n"
        ).encode() + (_TEXT.format(number=number) * 60).encode()
        signature = dkim.sign(message, b"s", domain.encode(), private, canonicalize=(b"relaxed", b"relaxed"))
        (folder / f"{number:04}").write_bytes(f"alice@{domain}\n".encode() + signature + message.rstrip(b"\r\n"))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


def zones(key: str) -> dict[str, str]:
    """What everybody asks: one zone for the sender domains, the client's name both ways, and the lists."""
    text = f'"v=DKIM1; k=rsa; p={key[:200]}" "{key[200:]}"'
    domains = "\n".join(
        f'd{number} A 127.0.0.7\nd{number} MX 10 d{number}\nd{number} TXT "v=spf1 ip4:{CLIENT} -all"\n'
        f's._domainkey.d{number} TXT {text}\n_dmarc.d{number} TXT "v=DMARC1; p=reject"'
        for number in range(_DOMAINS)
    )
    return {
        "bench": f'client A {CLIENT}\nclient TXT "v=spf1 a -all"\n{domains}',
        "0.0.127.in-addr.arpa": f"7 PTR {HELO}.",
        **dict.fromkeys((*_BLACK, *_WHITE), _LISTED),
    }
