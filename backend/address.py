"""Mail addresses: from the bytes of a path to a value (RFC 5321 §4.1.2, RFC 6531 §3.3).

A source route is read and forgotten, as RFC 5321 appendix C asks; what is left decides where the mail goes.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from backend.errors import BadInput

LOCAL_BYTES = 64  # RFC 5321 §4.5.3.1.1
SRS_BYTES = 250  # of one that holds another address: the sender of forwarded mail (`backend.accounts.srs`)
DOMAIN_BYTES = 255  # RFC 5321 §4.5.3.1.2
PATH_LENGTH = 254  # of an address, RFC 5321 §4.5.3.1.3 without its brackets
PATH_BYTES = 1_024  # the 256 of RFC 5321 §4.5.3.1.3, and room for a source route

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_ATOM = re.compile(rf"(?:[{_ATEXT}]|[^\x00-\x7f])+(?:\.(?:[{_ATEXT}]|[^\x00-\x7f])+)*")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*)"')
_LITERAL = re.compile(r"\[([0-9A-Za-z:.\-]{2,255})\]")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9_\-.]|[^\x00-\x7f])+")
_ROUTE = re.compile(r"@[^,:<>\s]+(?:,@[^,:<>\s]+)*:")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_SRS = re.compile(r"SRS[01][=+-]", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox. `local` is unquoted, as it came; `domain` is in lower-case A-labels, `[...]` for a literal.

    `domain` is empty for `<postmaster>` alone. `str()` gives `local@domain`, quoted where it must be.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        local = self.local
        if _ATOM.fullmatch(local) is None:
            local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local

    @property
    def ascii(self) -> bool:
        """Whether it can be sent without SMTPUTF8."""
        return self.local.isascii()

    @property
    def key(self) -> str:
        """The form under which our own directory knows it: without case, in Unicode's composed form."""
        return f"{fold(self.local)}@{self.domain}"


def fold(local: str) -> str:
    """A local part without differences that people do not see: case, and how accents are written."""
    return local.lower() if local.isascii() else unicodedata.normalize("NFC", local).casefold()


def parse(text: str) -> Address:
    """`local@domain`; BadInput with the reason when it is no address."""
    address, end = _mailbox(text, 0)
    if end != len(text):
        raise _wrong(text, "something follows the domain")
    return address


def path(text: str) -> tuple[Address | None, str]:
    """The path at the start of `text` and what follows it: `<a@b> SIZE=1` -> (Address, ' SIZE=1'); `<>` -> None.

    Also `<postmaster>` without a domain (RFC 5321 §4.5.1). BadInput when it is none.
    """
    if not text.startswith("<"):
        raise _wrong(text, "it must stand in angle brackets")
    if text.startswith("<>"):
        return None, text[2:]
    if len(text) > PATH_BYTES and ">" not in text[:PATH_BYTES]:
        raise _wrong(text, "it is too long")
    start = 1
    if text[1:2] == "@":
        route = _ROUTE.match(text, 1)
        if route is None:
            raise _wrong(text, "the source route is not closed")
        start = route.end()
    if text[start : start + 11].lower() == "postmaster>":
        return Address("postmaster", ""), text[start + 11 :]
    address, end = _mailbox(text, start)
    if text[end : end + 1] != ">":
        raise _wrong(text, "it is not closed")
    return address, text[end + 1 :]


def _mailbox(text: str, start: int) -> tuple[Address, int]:
    if found := _ATOM.match(text, start):
        local, end = found[0], found.end()
    elif found := _QUOTED.match(text, start):
        local, end = re.sub(r"\\(.)", r"\1", found[1]), found.end()
    else:
        raise _wrong(text, "the part before the @ is missing or not quoted")
    if _CONTROLS.search(local):
        raise _wrong(text, "it has control characters")
    if text[end : end + 1] != "@":
        raise _wrong(text, "the @ and the domain are missing")
    most = SRS_BYTES if _SRS.match(local) else LOCAL_BYTES
    if len(local.encode("utf-8", "surrogatepass")) > most:
        raise _wrong(text, f"the part before the @ is longer than {most} bytes")
    end += 1
    if found := _LITERAL.match(text, end):
        return Address(local, literal(found[1])), found.end()
    if found := _DOMAIN.match(text, end):
        return Address(local, domain(found[0])), found.end()
    raise _wrong(text, "the domain is missing")


def literal(text: str) -> str:
    """`192.0.2.1` or `IPv6:2001:db8::1` -> `[192.0.2.1]`, `[IPv6:2001:db8::1]` in the shortest form; BadInput."""
    try:
        if text[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(text[5:])}]"
        return f"[{ipaddress.IPv4Address(text)}]"
    except ValueError:
        raise _wrong(text, "the address in brackets is no IP address") from None


@lru_cache(maxsize=4096)
def domain(text: str) -> str:
    """A domain name in lower-case A-labels without a trailing dot (RFC 5890); BadInput when it is none."""
    name = text.removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise _wrong(text, "the domain is no international domain name") from None
    name = name.lower()
    if len(name) > DOMAIN_BYTES or not all(map(_LABEL.fullmatch, name.split("."))):
        raise _wrong(text, "the domain is no domain name")
    return name


def _wrong(text: str, reason: str) -> BadInput:
    shown = _CONTROLS.sub("?", text[:80])
    return BadInput(f"{shown!r} is not a mail address: {reason}.", code=553, status="5.1.3")
