"""One DNS list (RFC 5782): what is looked up in it, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Literal

from backend import list_presets
from backend.config import Code, DnsLists, ListZone

State = Literal["listed", "clear", "error", "silent"]

ERRORS = IPv4Network("127.255.255.0/24")  # what is wrong with our question, and nothing about who was asked about
_ERRORS = {
    "127.255.255.252": "there is no such list: its name is misspelt",
    "127.255.255.254": "it does not answer public resolvers; it needs a resolver of our own",
    "127.255.255.255": "we ask it too much",
}
_LISTS = IPv4Network("127.0.0.0/8")  # RFC 5782 §2.1: all else is no list's answer, but a parked domain's or a liar's
_SHOWN = 200  # characters of what a list says of an entry
_UNSAFE = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What a list says. `silent`: no answer; `error`: an answer that is none. Neither lists anybody."""

    state: State
    weight: float = 0.0
    words: str = ""  # what the codes mean, or what is wrong
    codes: tuple[str, ...] = ()
    text: str = ""  # what the list says of the entry (TXT), printable


CLEAR, SILENT = Found("clear"), Found("silent", words="it does not answer")


@dataclass(frozen=True, slots=True)
class _Meaning:
    parts: tuple[frozenset[int], ...]  # what each of the four numbers may be
    code: Code

    def fits(self, address: IPv4Address) -> bool:
        return all(byte in part for byte, part in zip(address.packed, self.parts, strict=True))


class DnsList:
    """A list as it is set up, its preset filled in."""

    __slots__ = ("_meanings", "about", "settings", "white", "zone")

    def __init__(self, zone: ListZone) -> None:
        self.settings = list_presets.filled(zone)
        self.zone = self.settings.zone
        self.white = self.settings.kind == "white"
        self.about = frozenset(self.settings.about)
        self._meanings = tuple(_Meaning(_parts(code.answer), code) for code in self.settings.code)

    def name(self, what: str) -> str:
        """The name under which an address or a domain is looked up (RFC 5782 §2.1, §2.4, §3)."""
        return f"{_prefix(what)}.{self.zone}"

    def asks_about(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether it lists such addresses."""
        return f"ipv{address.version}" in self.about

    def read(self, addresses: Iterable[str]) -> Found:
        """What these A records mean. The heaviest counts; two codes of one list are one reason."""
        given = sorted({IPv4Address(address) for address in addresses})
        codes = tuple(map(str, given))
        if not given:
            return CLEAR
        if wrong := [address for address in given if address in ERRORS or address not in _LISTS]:
            words = _ERRORS.get(str(wrong[0]), f"it answers {wrong[0]}, which is no answer of a list")
            return Found("error", 0.0, words, codes)
        if refused := [code for code in codes if code in self.settings.refusals]:
            return Found("error", 0.0, f"it answers {refused[0]}: it does not serve us", codes)
        known = [one.code for one in self._meanings if any(one.fits(address) for address in given)]
        if not known:
            return Found("clear", 0.0, "", codes)
        weight = max(code.weight for code in known) * self.settings.weight
        return Found("listed", weight, ", ".join(dict.fromkeys(code.words for code in known if code.words)), codes)

    def reason(self, what: str, found: Found) -> str:
        """Why, for the one who is refused: the list's own text or address, and its codes."""
        where = found.text or self.settings.url.replace("{what}", what)
        return ": ".join(filter(None, (f"{what} is listed in {self.zone}", found.words or self.settings.words, where)))


def lists(settings: DnsLists) -> tuple[DnsList, ...]:
    """All that are set up; none when they are switched off."""
    return tuple(map(DnsList, settings.zone)) if settings.enabled else ()


def about_urls(some: Iterable[DnsList]) -> tuple[DnsList, ...]:
    """Those that are asked about the hosts of links."""
    return tuple(one for one in some if not one.white and one.about & list_presets.URLS)


def printable(text: str) -> str:
    """What a list says, as one line that can be sent on."""
    return " ".join(_UNSAFE.sub(" ", text).split())[:_SHOWN]


@lru_cache(256)  # the same for every list
def _prefix(what: str) -> str:
    try:
        address = ip_address(what)
    except ValueError:
        return what.lower().rstrip(".")
    return address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _parts(answer: str) -> tuple[frozenset[int], ...]:
    return tuple(map(_numbers, answer.split(".")))


def _numbers(part: str) -> frozenset[int]:
    """Of `4`, `4-7`, `*` for any, or `&8`: those with that bit."""
    if part.startswith("&"):
        return frozenset(number for number in range(256) if number & int(part[1:]))
    low, _, high = part.partition("-")
    return frozenset(range(256)) if part == "*" else frozenset(range(int(low), int(high or low) + 1))
