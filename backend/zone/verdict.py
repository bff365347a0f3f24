"""How well what stands in the DNS fits what should: a state and a sentence for each kind of record. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.policy.dmarc import record as dmarc

State = Literal["wrong", "missing", "weak", "unknown", "optional", "right"]  # what needs most attention first
STATES: tuple[State, ...] = ("wrong", "missing", "weak", "unknown", "optional", "right")
_LOOKUPS = 10  # that an SPF record may cause (RFC 7208 §4.6.4)
_ASKING = re.compile(r"[+?~-]?(?:include:|a(?:[:/]|$)|mx(?:[:/]|$)|ptr|exists:)|redirect=")


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one record."""

    state: State
    words: str


RIGHT = Verdict("right", "It is as it should be.")


def mail_exchanger(found: Sequence[str], hostname: str) -> Verdict:
    """`10 mail.example.org` and others."""
    names = [one.split()[-1] for one in found]
    if hostname not in names:
        return Verdict("wrong", f"Mail for this domain goes to {names[0]}, not to this host.")
    return RIGHT if len(names) == 1 else Verdict("right", "Mail comes here, and to other hosts.")


def addresses(found: Sequence[str], wanted: str) -> Verdict:
    """The addresses of the host."""
    if not wanted or wanted in found:
        return RIGHT
    return Verdict("wrong", f"The name leads to {', '.join(found[:3])}, and this host is {wanted}.")


def pointer(found: Sequence[str], hostname: str) -> Verdict:
    """What an address says of itself: many hosts take no mail from one that does not name its host."""
    if hostname in found:
        return (
            RIGHT if len(found) == 1 else Verdict("weak", "The address has several names; one is what others expect.")
        )
    return Verdict("wrong", f"The address calls itself {found[0]}; who runs the network must set {hostname}.")


def spf(found: Sequence[str], domain: str, hostname: str, own: Sequence[str]) -> Verdict:
    """The texts at the domain (RFC 7208)."""
    records = [text for text in found if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        return Verdict("missing", "Nobody can tell our mail from forgeries.")
    if len(records) > 1:
        return Verdict("wrong", "There are several SPF records; others count that as an error, and none holds.")
    terms = records[0].lower().split()[1:]
    if sum(_ASKING.match(term) is not None for term in terms) > _LOOKUPS:
        return Verdict("wrong", f"It causes more than {_LOOKUPS} look-ups, which others count as an error.")
    everybody = next((term for term in terms if term.lstrip("+-~?") == "all"), "")
    if everybody in ("all", "+all"):
        return Verdict("wrong", "It lets everybody send in our name.")
    if not any(_names_us(term, domain, hostname, own) for term in terms):
        return Verdict("wrong", "It does not name this host, so that our own mail fails.")
    if not everybody and not any(term.startswith("redirect=") for term in terms):
        return Verdict("weak", "It has no end: add -all, so that mail from others fails.")
    if everybody == "?all":
        return Verdict("weak", "It says nothing of other hosts: end it with -all.")
    if everybody == "~all":
        return Verdict("weak", "Other hosts fail only softly: -all, once it is certain that none of ours is missing.")
    return RIGHT


def _names_us(term: str, domain: str, hostname: str, own: Sequence[str]) -> bool:
    """Whether a term may let this host send; one that leads to another record is taken to."""
    term = term.lstrip("+")
    if term.startswith(("include:", "redirect=", "exists:", "ptr")):
        return True
    name, _, value = term.partition(":")
    if name in ("ip4", "ip6"):
        return any(_within(address, value) for address in own)
    host = value.partition("/")[0] or domain
    return name.partition("/")[0] == "mx" or (name.partition("/")[0] == "a" and host in (hostname, domain))


def _within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except (ValueError, TypeError):
        return False


def dmarc_record(found: Sequence[str]) -> Verdict:
    """The texts at `_dmarc` (RFC 7489)."""
    records = [text for text in found if dmarc.is_one(text)]
    if not records:
        return Verdict("missing", "Others do not know what to do with mail that is forged in our name.")
    if len(records) > 1:
        return Verdict("wrong", "There are several DMARC records; then none holds.")
    try:
        wanted = dmarc.parse(records[0])
    except dmarc.ParseError as error:
        return Verdict("wrong", f"The record cannot be followed: {error}.")
    if wanted.p == "none":
        return Verdict("weak", "It only watches: p=quarantine or p=reject, once our own mail passes everywhere.")
    if wanted.pct < 100:
        return Verdict("weak", f"It holds for {wanted.pct} of 100 messages only.")
    if not wanted.rua:
        return Verdict("weak", "Nobody is told who sends in our name: add rua=mailto:...")
    return RIGHT


def tagged(found: Sequence[str], version: str, tag: str) -> Verdict:
    """A text that begins with its version, as `v=STSv1; id=1`, and has a tag (RFC 8461 §3.1, RFC 8460 §3)."""
    records = [text for text in found if text.replace(" ", "").lower().startswith(f"v={version.lower()};")]
    if not records:
        return Verdict("optional", "")
    if len(records) > 1:
        return Verdict("wrong", "There are several of these records; then none holds.")
    return RIGHT if f"{tag}=" in records[0].replace(" ", "") else Verdict("wrong", f"The record has no {tag}=.")


def issuers(found: Sequence[str]) -> Verdict:
    """Who may issue certificates (RFC 8659)."""
    return RIGHT if any(" issue " in f" {one} " for one in found) else Verdict("weak", "No issuer is named in it.")


def service(found: Sequence[str], hostname: str, port: int) -> Verdict:
    """`0 1 465 mail.example.org`: where mail programs find us (RFC 6186, RFC 8314 §5.1)."""
    places = [tuple(one.split()[2:4]) for one in found]
    if (str(port), hostname) in places:
        return RIGHT
    return Verdict("wrong", f"It leads mail programs to {' '.join(reversed(places[0]))}, not to {hostname} {port}.")


def same(found: Sequence[str], wanted: str) -> Verdict:
    """Exactly this text, blanks aside."""
    if any("".join(one.split()) == "".join(wanted.split()) for one in found):
        return RIGHT
    return Verdict("wrong", "It is another one than ours.")
