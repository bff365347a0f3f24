"""A DMARC policy record (RFC 7489 §6.3 and §6.4): a pure function from text to a value, or a ParseError."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from backend import address
from backend.errors import BadInput

Policy = Literal["none", "quarantine", "reject"]
POLICIES: tuple[Policy, ...] = ("none", "quarantine", "reject")  # the later the stricter

_BEGIN = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_TAG = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.*?)[ \t]*", re.DOTALL)
_URI = re.compile(r"mailto:([^!,\s]+)(?:!(\d{1,12})([kmgt]?))?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_LONGEST = 8_192  # characters of a record
_ADDRESSES = 10  # to which reports go; RFC 7489 §6.2 asks for two at least
_DAY = 86_400


class ParseError(Exception):
    """It is no DMARC record. The words say what is wrong."""


@dataclass(frozen=True, slots=True)
class ReportTo:
    """Where reports go: an address, and the largest report that it takes, in bytes; 0 is no limit."""

    address: str
    most: int = 0

    @property
    def domain(self) -> str:
        """Behind the @."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Record:
    """What the owner of a domain wants. `sp` and `np` hold for subdomains, and for those that do not exist."""

    p: Policy = "none"
    sp: Policy = "none"
    np: Policy = "none"
    np_given: bool = False
    strict_dkim: bool = False
    strict_spf: bool = False
    pct: int = 100
    rua: tuple[ReportTo, ...] = ()
    interval: int = _DAY  # `ri`, in seconds; reports go out daily, as RFC 7489 §6.3 lets us
    fo: str = "0"


def is_one(text: str) -> bool:
    """Whether the text is meant to be a DMARC record: it begins with `v=DMARC1` (RFC 7489 §6.6.3)."""
    return _BEGIN.match(text) is not None


@lru_cache(10_000)
def parse(text: str) -> Record:
    """The record. Tags that are not known are passed over (§6.3), and values that cannot be, except of policies.

    ParseError when it is none, or has no policy that one can follow and asks for no reports (§6.6.3).
    """
    if len(text) > _LONGEST or not is_one(text):
        raise ParseError("it does not begin with v=DMARC1")
    tags = _tags(text)
    rua = report_addresses(tags.get("rua", ""))
    p, sp, np = (_policy(tags.get(name)) for name in ("p", "sp", "np"))
    if p is None or (sp is None and "sp" in tags):
        if not rua:
            raise ParseError("it has no policy")
        p = sp = np = "none"
    below = sp or p
    return Record(
        p=p,
        sp=below,
        np=np or below,
        np_given=np is not None and np != below,
        strict_dkim=tags.get("adkim", "").lower() == "s",
        strict_spf=tags.get("aspf", "").lower() == "s",
        pct=_number(tags.get("pct"), 100, 100),
        rua=rua,
        interval=_number(tags.get("ri"), _DAY, 2**32 - 1),
        fo=tags.get("fo", "0")[:20] or "0",
    )


def report_addresses(text: str) -> tuple[ReportTo, ...]:
    """The addresses of `rua` (§6.2): `mailto:a@example.org!10m, mailto:b@example.net`. Other kinds are passed over."""
    found: dict[str, ReportTo] = {}
    for part in text.split(","):
        uri = _URI.fullmatch(part.strip())
        if uri is None:
            continue
        try:
            to = str(address.parse(unquote(uri[1])))
        except BadInput:
            continue
        if to.isascii() and not to.endswith("]") and len(found) < _ADDRESSES:
            found.setdefault(to.lower(), ReportTo(to, int(uri[2] or 0) * _UNITS[(uri[3] or "").lower()]))
    return tuple(found.values())


def _tags(text: str) -> dict[str, str]:
    """The first of each name counts."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        tag = _TAG.fullmatch(part)
        if tag is not None:
            found.setdefault(tag[1].lower(), tag[2])
    return found


def _policy(text: str | None) -> Policy | None:
    word = (text or "").lower()
    return next((policy for policy in POLICIES if policy == word), None)


def _number(text: str | None, otherwise: int, most: int) -> int:
    if text is None or not re.fullmatch(r"[0-9]{1,10}", text):
        return otherwise
    number = int(text)
    return number if number <= most else otherwise
