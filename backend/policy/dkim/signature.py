"""A signature as it is written: the field DKIM-Signature (RFC 6376 §3.5), and ARC-Message-Signature, which is made of
the same tags (RFC 8617 §4.1.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backend import address
from backend.errors import BadInput
from backend.policy.dkim import tags
from backend.policy.dkim.canonical import FORMS, Form
from backend.policy.dkim.letter import Demand

ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}  # and the kind of key each needs
_MOST_NAMES = 500  # in h=; each costs a look
_SHORT = 8  # characters of b= that name a signature (RFC 6008 §2)


@dataclass(frozen=True, slots=True)
class Signature:
    """The tags of a signature that was understood."""

    algorithm: str
    value: bytes  # b=
    start: str  # the first characters of b=
    body_hash: bytes
    header_form: Form
    body_form: Form
    domain: str  # d=, in A-labels
    selector: str
    identity: str  # i=, as it is written
    names: tuple[str, ...]  # h=
    length: int | None = None  # l=
    signed: int | None = None  # t=, seconds since 1970
    expires: int | None = None  # x=

    @property
    def key_name(self) -> str:
        """Where the DNS has the key."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def demand(self) -> Demand:
        """The hash of the body that it speaks of."""
        return Demand(self.body_form, self.length)


def read(value: bytes, *, arc: bool = False) -> Signature:
    """The value of the field; BadInput with half a sentence when it is none. `arc`: it is of an ARC set, where there is
    no v= and i= is its number.
    """
    found = tags.parse(value)
    required = "a b bh d h s" if arc else "v a b bh d h s"
    for name in required.split():
        if not found.get(name):
            raise BadInput(f"{name}= is missing")
    if not arc and found["v"] != "1":
        raise BadInput("its version is not 1")
    if "dns/txt" not in tags.words(found.get("q", "dns/txt")):
        raise BadInput("its key is not in the DNS")
    header_form, body_form = _forms(found.get("c", "simple/simple"))
    domain = _domain(found["d"])
    selector = tags.plain(found["s"]).lower()
    _domain(f"{selector}._domainkey.{domain}")
    names = tuple(tags.words(found["h"]))
    if len(names) > _MOST_NAMES:
        raise BadInput(f"it signs more than {_MOST_NAMES} fields")
    signed, expires = tags.number(found, "t"), tags.number(found, "x")
    if signed is not None and expires is not None and expires <= signed:
        raise BadInput("it expires before it was made")
    written = tags.plain(found["b"])
    return Signature(
        algorithm=found["a"].lower(),
        value=tags.base64_bytes(found["b"], "b"),
        start=written[:_SHORT],
        body_hash=tags.base64_bytes(found["bh"], "bh"),
        header_form=header_form,
        body_form=body_form,
        domain=domain,
        selector=selector,
        identity=f"@{domain}" if arc else _identity(tags.plain(found.get("i", f"@{domain}")), domain),
        names=names,
        length=tags.number(found, "l"),
        signed=signed,
        expires=expires,
    )


def glimpse(value: bytes) -> tuple[tuple[str, str], ...]:
    """What can be said of a signature that is not understood, as properties of a result (RFC 8601 §2.7.1)."""
    some = []
    for name in ("d", "s", "b"):
        found = re.search(rb"(?:^|;)[ \t\r\n]*" + name.encode() + rb"[ \t\r\n]*=([^;]{1,100})", value[: tags.LONGEST])
        if found:
            text = tags.plain(found[1].decode("ascii", "replace"))
            some.append((f"header.{name}", text[:_SHORT] if name == "b" else text))
    return tuple(some)


def _forms(value: str) -> tuple[Form, Form]:
    """c=: the header's, the body's; simple where it is silent (RFC 6376 §3.5)."""
    header, _, body = tags.plain(value).lower().partition("/")
    found = [next((form for form in FORMS if form == one), None) for one in (header, body or "simple")]
    if found[0] is None or found[1] is None:
        raise BadInput("its canonicalization is not known")
    return found[0], found[1]


def _domain(value: str) -> str:
    try:
        return address.domain(tags.plain(value))
    except BadInput:
        raise BadInput("d= or s= is not a domain name") from None


def _identity(written: str, domain: str) -> str:
    """i=, whose domain must be d= or below it (RFC 6376 §3.5)."""
    _, at, host = written.rpartition("@")
    name = _domain(host) if at else ""
    if name != domain and not name.endswith(f".{domain}"):
        raise BadInput("i= is not of the domain that signs")
    return written
