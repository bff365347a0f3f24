"""Whether those who have a hand in a message are of one house: its author, the hosts that brought it, its Message-ID,
and where its links lead. Newsletters and notices that somebody asked for mostly are; most spam is not.

Only equality counts, never who it is. A house is a domain without its hosts, by a rule of thumb: the public suffix
list would cost each process ten megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_STEPS = 20  # Received fields that are read
_STEP = 500  # characters of one
_SECOND = frozenset(("ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"))  # as in co.uk
_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_NAMED = re.compile(r"\((?:\w{1,40}@)?([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})\.? \[")  # by reverse DNS, who took it says


def house(host: str) -> str:
    """The domain that a host is of; empty for an address and for a name without a dot."""
    labels = host.lower().strip(".").split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return ""
    most = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND else 2
    return ".".join(labels[-most:])


def signs(author: str, identity: str, received: Iterable[str], host: str, linked: Iterable[str]) -> Iterator[str]:
    """Who agrees with whom, each by itself and in pairs. `author`, `identity`: the domains of From and Message-ID;
    `host`: the name of the host that brings the message to us; `linked`: the hosts of the links.
    """
    hands, named = set[str](), {house(host)}
    for number, step in enumerate(received):
        if number == _STEPS:
            break
        step = step[:_STEP].partition(";")[0]
        hands.update(map(house, _HOST.findall(step)))
        named.update(map(house, _NAMED.findall(step)))
    hands |= named
    links = set(map(house, linked)) - {""}
    own = house(author)
    found = [
        "received" + ("+" if own and own in hands else "-"),
        "named" + ("+" if own and own in named else "-"),
        "id" + ("+" if own and own == house(identity) else "?" if house(identity) in hands - {""} else "-"),
    ]
    if links:
        found.append("link" + ("+" if own in links else "-"))
        found.append("brought" + ("+" if links & named else "-"))
        yield f"same:houses{min(len(links), 5)}"
    for number, one in enumerate(found):
        yield "same:" + one
        for other in found[:number]:
            yield f"same:{one} {other}"
    yield "same:" + " ".join(found)
