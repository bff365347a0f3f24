"""Well-known DNS lists by name, as their owners describe them: `preset = "spamhaus-zen"` in the settings is enough.

A list that is not here is written out in the settings, key by key. No code is here that its owner has not published.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace

from backend.config import Code, ListZone

URLS = frozenset(("url", "url_host", "url_ip"))  # about the hosts of links: their domains, whole names, addresses
_PART = r"(?:\d{1,3}(?:-\d{1,3})?|\*|&\d{1,3})"
ANSWER = re.compile(rf"127\.{_PART}\.{_PART}\.{_PART}")

_BOTH = ("ipv4", "ipv6")
_REDIRIS = "https://www.rediris.es/irisrbl/dnsbl.html.en"
_IRISRBL = "IP has been blocked using RedIRIS Reputation Service (IRISRBL)"  # as its conditions of use want it said

PRESETS: dict[str, ListZone] = {
    # RedIRIS, for its institutions: the black lists answer only to addresses that were registered with it.
    "rediris-strong": ListZone(
        zone="strong.dnsbl.rediris.es", kind="black", about=("ipv4",), words=_IRISRBL, url=_REDIRIS
    ),
    "rediris-weak": ListZone(
        zone="weak.dnsbl.rediris.es",
        kind="black",
        about=("ipv4",),
        weight=0.5,
        words=_IRISRBL,
        url=_REDIRIS,
    ),
    # Mail hosts of Spanish institutions and providers: white lists, though their names look like those of black ones.
    "rediris-eswl": ListZone(
        zone="eswlrev.dnsbl.rediris.es", kind="white", about=_BOTH, words="Spanish mail hosts known to RedIRIS"
    ),
    "rediris-mtawl": ListZone(
        zone="mtawlrev.dnsbl.rediris.es", kind="white", about=_BOTH, words="mail hosts known to RedIRIS"
    ),
    "spamhaus-zen": ListZone(
        zone="zen.spamhaus.org",
        kind="black",
        about=_BOTH,
        code=(
            Code("127.0.0.2", 1.0, "SBL, a source of spam"),
            Code("127.0.0.3", 1.0, "CSS, a source of spam"),
            Code("127.0.0.4", 1.0, "XBL, a machine in the hands of others"),
            Code("127.0.0.9", 1.0, "DROP, a network of criminals"),
            Code("127.0.0.10-11", 1.0, "PBL, an address that sends no mail by itself"),
            Code("127.0.0.30", 1.0, "BCL, a controller of bots"),
        ),
        words="Spamhaus ZEN",
        url="https://check.spamhaus.org/query/ip/{what}",
    ),
    "spamhaus-dbl": ListZone(
        zone="dbl.spamhaus.org",
        kind="black",
        about=("sender", "helo", "host", "url", "url_host"),
        code=(
            Code("127.0.1.2", 1.0, "a domain of spam"),
            Code("127.0.1.4", 1.0, "a domain of phishing"),
            Code("127.0.1.5", 1.0, "a domain of malware"),
            Code("127.0.1.6", 1.0, "a controller of bots"),
            Code("127.0.1.102-106", 0.5, "a domain that others abuse"),
        ),
        words="Spamhaus DBL",
        url="https://check.spamhaus.org/query/domain/{what}",
        test="dbltest.com",
        refusals=("127.0.1.255",),  # to a question about an address
    ),
    # Hosts of links in mail. Both are free for small sites, answer no public resolvers, and say what they know in bits.
    "surbl": ListZone(
        zone="multi.surbl.org",
        kind="black",
        about=("url", "url_ip"),
        code=(
            Code("127.0.0.&8", 1.0, "phishing"),
            Code("127.0.0.&16", 1.0, "malware"),
            Code("127.0.0.&64", 1.0, "a site of spam"),
            Code("127.0.0.&128", 1.0, "a site in the hands of others"),
        ),
        words="SURBL",
        url="https://surbl.org/surbl-analysis?d={what}",
        test="test.surbl.org",
        refusals=("127.0.0.1",),
    ),
    "uribl": ListZone(
        zone="multi.uribl.com",
        kind="black",
        about=("url", "url_ip"),
        code=(
            Code("127.0.0.&2", 1.0, "a site of spam"),
            Code("127.0.0.&4", 0.25, "a site of mail that many did not ask for"),
            Code("127.0.0.&8", 0.25, "a site that is new, or hides behind others"),
        ),
        words="URIBL",
        url="https://lookup.uribl.com/?domain={what}",
        test="test.uribl.com",
        refusals=("127.0.0.1",),
    ),
    "spamcop": ListZone(
        zone="bl.spamcop.net",
        kind="black",
        about=("ipv4",),
        code=(Code("127.0.0.2", 1.0, "reported by those who got spam from it"),),
        words="SpamCop",
        url="https://www.spamcop.net/bl.shtml?{what}",
    ),
    # Answers only to name servers whose address was registered.
    "barracuda": ListZone(
        zone="b.barracudacentral.org",
        kind="black",
        about=("ipv4",),
        code=(Code("127.0.0.2", 1.0, "a source of spam"),),
        words="Barracuda Reputation Block List",
        url="https://www.barracudacentral.org/lookups",
    ),
    # 127.0.<kind of organisation>.<trust>
    "dnswl": ListZone(
        zone="list.dnswl.org",
        kind="white",
        about=_BOTH,
        code=(
            Code("127.0.*.3", 1.0, "high trust"),
            Code("127.0.*.2", 1.0, "medium trust"),
            Code("127.0.*.1", 0.5, "low trust"),
            Code("127.0.*.0", 0.0, "no trust"),
        ),
        words="dnswl.org",
    ),
}
USUAL = (Code("127.0.0.2-254"),)  # RFC 5782 §2.1: 127.0.0.2 by custom, others by the list's own choice


def filled(zone: ListZone) -> ListZone:
    """The list with what its preset says where the settings say nothing."""
    preset = PRESETS.get(zone.preset, ListZone())
    empty = ListZone()
    own = {
        item.name: getattr(zone, item.name)
        for item in fields(zone)
        if getattr(zone, item.name) != getattr(empty, item.name)
    }
    whole = replace(preset, **own)
    return whole if whole.code else replace(whole, code=USUAL)


def trouble(zone: ListZone) -> str:
    """What is wrong with the list, for a sentence about the settings; empty when nothing is."""
    whole = filled(zone)
    if not whole.zone:
        return 'a list needs a preset or a zone, as zone = "dnsbl.example.net"'
    if not whole.kind:
        return f'{whole.zone} needs kind = "black" or kind = "white"'
    if not whole.about:
        return f'{whole.zone} needs to say what it is about, as about = ["ipv4"]'
    if whole.kind == "white" and {"sender", "helo", *URLS} & set(whole.about):
        return f"{whole.zone} is white: a sender, HELO or link is what anybody says, so it can vouch for nobody"
    return ""
