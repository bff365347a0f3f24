"""Our own SPF records: what should be published for a domain, and what is wrong with what is (RFC 7208 §10.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address

from backend.policy.spf_query import evaluate
from backend.resolver.answer import Asks

_VERSION = "v=spf1"
_LOOKUPS = 10  # that receivers make for one record (RFC 7208 §4.6.4)
_COUNTED = 40  # look-ups after which counting ends
_LENGTH = 450  # characters that every receiver gets whole (RFC 7208 §3.4)
_SECONDS = 20.0  # for one address
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(?:([:=])(.*?))?(/.*)?")
_ASKING = frozenset(("include", "a", "mx", "ptr", "exists"))  # each is a look-up


def suggest(addresses: Iterable[IPv4Address | IPv6Address]) -> str:
    """A record for a domain whose mail leaves from these addresses and from nowhere else."""
    terms = [f"ip{address.version}:{address}" for address in addresses]
    return " ".join([_VERSION, *terms, "-all"])


async def published(asks: Asks, domain: str) -> tuple[str, ...]:
    """The SPF records of a domain as they are in the DNS: there should be one. Temporary when nobody knows now."""
    answer = await asks.ask(domain, "TXT")
    texts = (b"".join(record.strings).decode("utf-8", "replace") for record in answer.records)
    return tuple(text for text in texts if _is_record(text))


async def judge(
    record: str, domain: str, asks: Asks, addresses: Sequence[IPv4Address | IPv6Address]
) -> tuple[str, ...]:
    """What is wrong with a record for `domain`, whose mail leaves from `addresses`: a sentence each, none when all is
    well. The record need not be published yet. Temporary when the name servers cannot say now.
    """
    if not _is_record(record):
        return (f"This is no SPF record; it must begin with {_VERSION} and a blank.",)
    problems = _shape(record, domain)
    number, missing = await _lookups(asks, record, frozenset((domain.lower(),)))
    if number > _LOOKUPS:
        shown = f"more than {_COUNTED}" if number > _COUNTED else str(number)
        problems.append(
            f"It needs {shown} DNS look-ups, and receivers stop at {_LOOKUPS}; name addresses with ip4 and ip6 instead."
        )
    problems += [f"It includes {name}, which has no SPF record." for name in missing]
    problems += await _addresses(record, domain, asks, addresses)
    return tuple(dict.fromkeys(problems))


def _is_record(text: str) -> bool:
    return text.lower().partition(" ")[0] == _VERSION


def _terms(record: str) -> list[tuple[str, str, str]]:
    """(qualifier, name in small letters, what follows : or =) of each term that can be read."""
    found = (_TERM.fullmatch(term) for term in record.split(" ")[1:])
    return [(one[1] or "+", one[2].lower(), one[4] or "") for one in found if one is not None]


def _shape(record: str, domain: str) -> list[str]:
    """What is to be seen without asking anybody."""
    problems = []
    terms = _terms(record)
    names = [name for _, name, _ in terms]
    if len(record) > _LENGTH:
        problems.append(f"It has {len(record)} characters; past {_LENGTH} some receivers do not get it whole.")
    if "ptr" in names:
        problems.append("It uses ptr, which is slow and no longer to be used (RFC 7208 §5.5).")
    if "all" in names:
        place = names.index("all")
        qualifier = terms[place][0]
        if qualifier == "+":
            problems.append(f"It lets the whole world send for {domain} (+all); end it with -all or ~all.")
        elif qualifier == "?":
            problems.append(f"It forbids nobody to send for {domain} (?all); end it with -all or ~all.")
        if any(name not in ("exp", "redirect") for name in names[place + 1 :]):
            problems.append("What stands behind all is never looked at.")
        if "redirect" in names:
            problems.append("It has both all and redirect, and all wins.")
    elif "redirect" not in names:
        problems.append(f"It does not end with all, and forbids nobody to send for {domain}; end it with -all or ~all.")
    return problems


async def _lookups(asks: Asks, record: str, above: frozenset[str], spent: int = 0) -> tuple[int, list[str]]:
    """How many look-ups all terms of a record need, and the domains it leads to that have none."""
    number, missing = spent, list[str]()
    terms = _terms(record)
    everybody = any(name == "all" for _, name, _ in terms)
    for _, name, value in terms:
        leads = name == "include" or (name == "redirect" and not everybody)
        number += name in _ASKING or (name == "redirect" and leads)
        target = value.lower().rstrip(".")
        if not leads or "%" in target or target in above or number > _COUNTED:
            continue
        texts = await published(asks, target)
        if not texts:
            missing.append(target)
            continue
        number, more = await _lookups(asks, texts[0], above | {target}, number)
        missing += more
    return number, missing


async def _addresses(record: str, domain: str, asks: Asks, addresses: Sequence[IPv4Address | IPv6Address]) -> list[str]:
    """Whether each of our addresses may send."""
    problems = []
    for address in addresses:
        outcome = await evaluate(asks, str(address), f"postmaster@{domain}", domain, record, _SECONDS)
        if outcome.value == "permerror":
            problems.append(f"It is faulty, and receivers take no notice of it: {outcome.problem}.")
        elif outcome.value == "temperror":
            problems.append(f"Whether {address} may send cannot be said now: {outcome.problem}")
        elif outcome.value != "pass":
            problems.append(f"It does not let {address} send, which is one of our addresses.")
    return problems
