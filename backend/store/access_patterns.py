"""What an access rule is about: how it is written, under which key it lies, and what it fits.

Every rule lies under one key, and a message asks for a fixed small number of keys: its client's address in each width
in use, the names and addresses as they are, and each name that they lie under. So many rules cost no more than few.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from backend import address
from backend.errors import BadInput
from backend.store import wildcards

KINDS = ("address", "network", "host", "domain", "sender", "recipient", "helo")
LONGEST = 320  # characters of what a rule is about: of an address, with its wildcards
LABELS = 10  # of a name under which a rule takes all: what is deeper has no key
_LONGEST_V4, _LONGEST_V6 = 16, 32  # bits: a network with fewer is wide
_LEAST = 3  # letters beside the wildcards of a pattern that may end in anything; with fewer it is wide
_CONTROLS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_HELO = re.compile(r"\[[0-9a-z:.]{2,60}\]")
_NAME = re.compile(r"[a-z0-9_.*-]{1,255}")

Peer = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Pattern:
    """`what` in its one right form. `shape`: the keys to which its own belongs. `wide`: why it takes in too much to be
    meant, empty when it does not.
    """

    kind: str
    what: str
    key: str
    shape: str
    wide: str = ""

    @property
    def exact(self) -> bool:
        """Whether no other rule of the same verdict can lie under its key."""
        return self.shape[-1] == "=" or "/" in self.shape


@dataclass(frozen=True, slots=True)
class Subject:
    """One message to one recipient, as the rules see it. What is None is not known, and fits no rule.

    `sender` and `recipient`: an address as `Address.key` has it, `<>` for the null sender. `hosts`: names of the client
    that its reverse and forward DNS agree on.
    """

    peer: Peer | None = None
    hosts: tuple[str, ...] = ()
    helo: str | None = None
    sender: str | None = None
    recipient: str | None = None

    def parts(self) -> Iterator[tuple[str, str]]:
        """Each thing that rules can be about: (kind, value)."""
        if self.peer is not None:
            yield "address", str(self.peer)
        for host in self.hosts:
            yield "host", host
        if self.helo:
            yield "helo", helo_name(self.helo)
        if self.sender is not None:
            yield "sender", self.sender
            domain = self.sender.rpartition("@")[2]
            if domain != self.sender:
                yield "domain", domain
        if self.recipient is not None:
            yield "recipient", self.recipient


# -- how it is written


def parse(written: str, kind: str | None = None) -> Pattern:
    """The pattern; without `kind` it is recognised: a network, an address with @, else a sender's domain. BadInput."""
    text = written.strip()
    if not text or len(text) > LONGEST or _CONTROLS.search(text):
        raise BadInput(f"What the rule is about has 1 to {LONGEST} characters, and no blanks; not {written[:60]!r}.")
    if kind is None:
        kind = _kind_of(text)
    if kind not in KINDS:
        raise BadInput(f"There is no kind {kind[:40]!r}; the kinds are {', '.join(KINDS)}.")
    if kind in ("address", "network"):
        return _network(text)
    if kind in ("sender", "recipient"):
        return _mailbox(kind, text)
    return _name(kind, text)


def _kind_of(text: str) -> str:
    if "@" in text or text == "<>":
        return "sender"
    if "/" in text or ":" in text or text.replace(".", "").isdigit():
        return "network"
    return "domain"


def _network(text: str) -> Pattern:
    found = wildcards.network(text)
    width, bits = found.prefixlen, found.max_prefixlen
    shape = f"{found.version}/{width}"
    key = _network_key(shape, int(found.network_address), bits - width)
    if width == bits:
        return Pattern("address", str(found.network_address), key, shape)
    least = _LONGEST_V4 if found.version == 4 else _LONGEST_V6
    wide = f"{found} is wider than a /{least}" if width < least else ""
    return Pattern("network", str(found), key, shape, wide)


def _name(kind: str, text: str) -> Pattern:
    """Of a host, a HELO or a domain: `x.test`, `.x.test` with all below it, `*.x.test` all below it, or any `*`."""
    if kind != "helo" and text.rpartition(".")[2].isdigit():
        raise BadInput(f"{text[:60]!r} is no name but looks like an address; that is of the kind address or network.")
    if kind == "helo" and _HELO.fullmatch(text.lower()):
        return Pattern(kind, text.lower(), f"{kind}={text.lower()}", f"{kind}=")
    suffix = _suffix(text)
    if suffix is not None:
        name = _domain(suffix)
        if name.count(".") >= LABELS:
            raise BadInput(f"{text[:60]!r} has more than {LABELS} labels; write the name itself, or a shorter end.")
        what = text[: -len(suffix)] + name
        return Pattern(kind, what, f"{kind}.{name}", f"{kind}.", _top_level(name))
    if "*" not in text:
        name = _domain(text)
        wide = _top_level(name) if kind == "domain" else ""
        return Pattern(kind, name, f"{kind}={name}", f"{kind}=", wide)
    if not _NAME.fullmatch(text.lower()):
        raise BadInput(f"{text[:60]!r} is no pattern of a name; it has letters, digits, dots, dashes and *.")
    return Pattern(kind, text.lower(), f"{kind}*", f"{kind}*", _vague(text))


def _mailbox(kind: str, text: str) -> Pattern:
    """`ann@x.test`, `*@x.test`, `news-*@.x.test`, `ann@*`, `<>`."""
    if text == "<>":
        if kind == "recipient":
            raise BadInput("A recipient is an address; <> is for a sender that has none.")
        return Pattern(kind, text, f"{kind}=<>", f"{kind}=")
    local, at, domain = text.rpartition("@")
    if at and not local:
        raise BadInput(f"{text[:60]!r} has nothing before the @; *{text[:60]} is every address there.")
    if not at and "*" not in text:
        raise BadInput(f"{text[:60]!r} is no address: it has no @. A domain is of the kind domain.")
    if "*" not in text and not domain.startswith("."):
        value = address.parse(text).key
        return Pattern(kind, value, f"{kind}={value}", f"{kind}=")
    local = address.fold(local)
    suffix = _suffix(domain)
    if at and suffix is not None:
        name = _domain(suffix)
        what = f"{local}@{domain[: -len(suffix)]}{name}"
        wide = _top_level(name) if not local.strip("*") else ""
        if name.count(".") < LABELS:
            return Pattern(kind, what, f"{kind}.{name}", f"{kind}.", wide)
    elif at and "*" not in domain:
        name = _domain(domain)
        wide = _top_level(name) if not local.strip("*") else ""
        return Pattern(kind, f"{local}@{name}", f"{kind}@{name}", f"{kind}@", wide)
    elif domain and not _NAME.fullmatch(domain.lower()):
        raise BadInput(f"{text[:60]!r} is no pattern of an address.")
    what = f"{local}@{domain.lower()}" if at else domain.lower()
    return Pattern(kind, what, f"{kind}*", f"{kind}*", _vague(text))


def _suffix(name: str) -> str | None:
    """What is behind the `.` or `*.` of a name that takes in all below it; None for another one."""
    for start in ("*.", "."):
        if name.startswith(start) and "*" not in name[len(start) :]:
            return name[len(start) :]
    return None


def _domain(name: str) -> str:
    try:
        return address.domain(name)
    except BadInput:
        raise BadInput(f"{name[:60]!r} is no name of a host or a domain.") from None


def _top_level(name: str) -> str:
    return "" if "." in name else f"{name} is a whole top-level domain"


def _vague(text: str) -> str:
    return f"{text} fits nearly everything" if len(re.sub(r"[*@.]", "", text)) < _LEAST else ""


# -- keys


def helo_name(helo: str) -> str:
    """A HELO name as rules have it: an international name in A-labels, small letters, no dot behind it."""
    try:
        return address.domain(helo)
    except BadInput:
        return helo.lower()


def keys(kind: str, value: str, shapes: Collection[str]) -> list[str]:
    """Under which keys the rules lie that may be about this part of a subject; `shapes`: those that any rule has."""
    if kind == "address":
        return _network_keys(value, shapes)
    found = [f"{kind}={value}"] if f"{kind}=" in shapes else []
    name = value.rpartition("@")[2]
    if f"{kind}@" in shapes:
        found.append(f"{kind}@{name}")
    if f"{kind}." in shapes:
        labels = name.split(".")[-LABELS:]
        found += [f"{kind}.{'.'.join(labels[start:])}" for start in range(len(labels))]
    if f"{kind}*" in shapes:
        found.append(f"{kind}*")
    return found


def _network_keys(value: str, shapes: Collection[str]) -> list[str]:
    peer = ipaddress.ip_address(value)
    number, bits, start = int(peer), peer.max_prefixlen, f"{peer.version}/"
    return [_network_key(shape, number, bits - int(shape[len(start) :])) for shape in shapes if shape.startswith(start)]


def _network_key(shape: str, number: int, rest: int) -> str:
    return f"{shape} {number >> rest:x}"


def fits(kind: str, what: str, value: str) -> bool:
    """Whether a rule that lies under one of the keys of a part is about it."""
    if kind in ("address", "network"):
        return True  # the key says it all
    local, at, pattern = what.rpartition("@")
    if not at:
        return _name_fits(what, value)
    mailbox, _, name = value.rpartition("@")
    return wildcards.fits(local, mailbox) and _name_fits(pattern, name)


def _name_fits(pattern: str, name: str) -> bool:
    if pattern.startswith(".") and "*" not in pattern:
        return name == pattern[1:] or name.endswith(pattern)
    return wildcards.fits(pattern, name)
