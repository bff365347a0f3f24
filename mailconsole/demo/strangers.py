"""Mail hosts that the demo's service has never heard of, honest and otherwise, and the DNS that they are looked up in.

Each has an address of its own in 127.0.0.0/8, so that the checks of strangers have somebody to look at.
"""

from __future__ import annotations

import base64
import contextlib
import io
import smtplib
import time
import zipfile
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.config import Settings
from backend.policy.dkim import sign
from backend.policy.dkim.sign import SigningKey
from mailconsole.demo import offers
from mailconsole.demo.mail import letter
from mailconsole.demo.names import Zones

FRIEND, SHOP, BANK, CLUB = "observatory.test", "shop.test", "bank.test", "club.test"
DARK = "dark.test"  # its name servers are down
_KEY = SigningKey(FRIEND, "demo", "ed25519-sha256", Ed25519PrivateKey.generate())
_LISTED = "2.0.0.127 A 127.0.0.2"  # the test point of RFC 5782 §5
# The file that all engines find and that does nothing; in two pieces, so that this program is not found.
_EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_BULK, _CLUB = "23.0.0.127", "25.0.0.127"  # as lists name addresses


@dataclass(frozen=True, slots=True)
class _Visit:
    """One message from one address. `author`: who stands in From, where that is not the sender."""

    peer: str
    helo: str
    sender: str
    recipient: str
    subject: str
    author: str = ""
    signed: bool = False
    file: str = ""  # the name of one that comes along, of _FILES


_VISITS = (
    _Visit("127.0.0.21", f"mail.{FRIEND}", f"eva@{FRIEND}", "alice@example.org", "Clear nights ahead", signed=True),
    _Visit("127.0.0.21", f"mail.{FRIEND}", f"eva@{FRIEND}", "bob@example.org", "The filter has arrived", signed=True),
    _Visit("127.0.0.21", f"mail.{FRIEND}", f"jan@{FRIEND}", "carol@example.org", "Calibration frames", signed=True),
    _Visit("127.0.0.22", "host22.cheap.test", f"offers@{SHOP}", "carol@example.org", "Eyepieces, half the price"),
    _Visit("127.0.0.22", "host22.cheap.test", f"security@{BANK}", "alice@example.org", "Your account is locked"),
    _Visit("127.0.0.22", "host22.cheap.test", f"x@{CLUB}", "bob@example.org", "Payment", author=f"director@{FRIEND}"),
    _Visit("127.0.0.23", "bulk.badhost.test", f"win@{CLUB}", "bob@example.org", "You have won"),
    _Visit("127.0.0.23", "bulk.badhost.test", f"win@{CLUB}", "alice@example.org", "You have won again"),
    _Visit("127.0.0.24", "nameless.test", f"who@{CLUB}", "carol@example.org", "Hello"),
    _Visit("127.0.0.25", f"mail.{CLUB}", f"news@{CLUB}", "carol@example.org", "Star party on Saturday"),
    _Visit("127.0.0.26", f"lists.{CLUB}", f"list@{CLUB}", "bob@example.org", "Newsletter 11"),
    _Visit("127.0.0.23", "bulk.badhost.test", f"win@{CLUB}", "postmaster@example.org", "Why am I on your list?"),
)
_KEPT = (  # what the quarantine is for: the first and the last one are good mail
    _Visit(
        "127.0.0.21",
        f"mail.{FRIEND}",
        f"jan@{FRIEND}",
        "alice@example.org",
        "The contract",
        signed=True,
        file="contract.zip",
    ),
    _Visit("127.0.0.22", "host22.cheap.test", f"orders@{SHOP}", "bob@example.org", "Invoice 4711", file="invoice.zip"),
    _Visit("127.0.0.22", "host22.cheap.test", f"photos@{SHOP}", "carol@example.org", "Our trip", file="photo.jpg.exe"),
    _Visit("127.0.0.25", f"mail.{CLUB}", f"news@{CLUB}", "bob@example.org", "Budget", file="budget.zip"),
)
RULES = (  # of the site's own lists: verdict, what, reason
    ("deny", "127.0.0.26", "sends a newsletter that nobody ordered"),
    ("allow", f".{FRIEND}", "our partner; never keep its mail waiting"),
    ("deny", "*@win-win.test", "phishing in November"),
)


def zones() -> Zones:
    """The DNS of this little world. Some of what our own domain should publish is missing, as in real life."""
    assert isinstance(_KEY.private, Ed25519PrivateKey)
    public = base64.b64encode(_KEY.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    hosts = {21: f"mail.{FRIEND}", 22: "host22.cheap.test", 23: "bulk.badhost.test"}
    hosts |= {25: f"mail.{CLUB}", 26: f"lists.{CLUB}", 1: "mail.example.org"}
    hosts |= {31: offers.HOST}
    return Zones(
        {
            "example.org": "@ MX 10 mail\n@ A 127.0.0.1\nmail A 127.0.0.1\nmail AAAA ::1\n"
            '@ TXT "v=spf1 mx -all"\n_dmarc TXT "v=DMARC1; p=none"',
            FRIEND: '@ MX 10 mail\nmail A 127.0.0.21\n@ TXT "v=spf1 ip4:127.0.0.21 -all"\n'
            f'demo._domainkey TXT "v=DKIM1; k=ed25519; p={public}"\n_dmarc TXT "v=DMARC1; p=reject"',
            SHOP: '@ MX 10 mail\nmail A 127.0.0.27\n@ TXT "v=spf1 a:mail.shop.test ~all"\n'
            '_dmarc TXT "v=DMARC1; p=quarantine"',
            BANK: '@ MX 10 mail\nmail A 127.0.0.28\n@ TXT "v=spf1 a:mail.bank.test -all"\n'
            '_dmarc TXT "v=DMARC1; p=reject"',
            CLUB: "@ MX 10 mail\n@ A 127.0.0.25\nmail A 127.0.0.25\nlists A 127.0.0.26",
            "cheap.test": "host22 A 127.0.0.22",
            offers.DOMAIN: f'@ MX 10 mx\nmx A {offers.ADDRESS}\n@ TXT "v=spf1 mx -all"',
            "badhost.test": "bulk A 127.0.0.23",
            "0.0.127.in-addr.arpa": "\n".join(f"{number} PTR {name}." for number, name in hosts.items()),
            "ip6.arpa": f"{'.'.join(['1', *31 * '0'])} PTR mail.example.org.",
            # The lists that a new site asks, as this little world has them.
            "zen.spamhaus.org": f"{_LISTED}\n{_BULK} A 127.0.0.3\n{_BULK} TXT seen-in-the-demo",
            "bl.spamcop.net": f"{_LISTED}\n{_BULK} A 127.0.0.2\n{_CLUB} A 127.0.0.2",
            "mtawlrev.dnsbl.rediris.es": f"{_LISTED}\n{_CLUB} A 127.0.0.2",
            "eswlrev.dnsbl.rediris.es": _LISTED,
        },
        dark=(DARK,),
    )


def send(settings: Settings) -> None:
    """All of them, one after the other; what is refused is what the demo is about."""
    for visit in (*_VISITS, *_KEPT):
        with (
            contextlib.suppress(smtplib.SMTPException),
            smtplib.SMTP("127.0.0.1", settings.listen.smtp, visit.helo, source_address=(visit.peer, 0)) as client,
        ):
            client.sendmail(visit.sender, [visit.recipient], _message(visit))


def _message(visit: _Visit) -> bytes:
    made: EmailMessage = letter(visit.author or visit.sender, (visit.recipient,), visit.subject, "Read on, or do not.")
    if visit.file:
        made.add_attachment(_FILES[visit.file], "application", "octet-stream", filename=visit.file)
    data = made.as_bytes(policy=SMTP)
    section, _, body = data.partition(b"\r\n\r\n")
    if not visit.signed:
        return data
    return sign.sign(section + b"\r\n", body, [_KEY], time.time()) + data


def _locked(name: str) -> bytes:
    """An archive with a file that nobody can read without its password: it says so, which is what is looked at."""
    data = bytearray(_packed(name, b"for your eyes only"))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + flags] |= 1
    return bytes(data)


def _packed(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


_FILES = {
    "contract.zip": _locked("contract.pdf"),
    "budget.zip": _locked("budget.ods"),
    "invoice.zip": _packed("invoice.com", _EICAR),
    "photo.jpg.exe": b"MZ" + bytes(64),
}
