"""Are the signatures of a message good? (RFC 6376 §6.1). Everything but the DNS comes in as an argument.

What a signature leaves open is not given to whoever came after it: one that covers a part of the body only (l=), or one
of two Subjects, does not pass, though its arithmetic is right.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from backend.errors import BadInput, Temporary
from backend.policy.dkim import key, signature
from backend.policy.dkim.key import Key, Unusable
from backend.policy.dkim.letter import Demand, Digest, Field, Letter
from backend.policy.dkim.signature import Signature
from backend.resolver.answer import Asks

NAME = "dkim-signature"
_SKEW = 300  # seconds that clocks may differ
_DAY = 86_400
# Fields of which a message has one at the most (RFC 5322 §3.6, RFC 2045): a second one is there to be shown instead.
_ONCE = frozenset(
    [
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "subject",
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    ]
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a signature must keep to beside the arithmetic. `now`: seconds since 1970."""

    now: float
    most: int = 10  # signatures that are looked at
    oldest_days: int = 14  # since a signature was made; 0: any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one signature is worth, as RFC 8601 §2.7.1 says it: pass, fail, policy, neutral, temperror, permerror."""

    value: str
    reason: str = ""
    domain: str = ""
    start: str = ""
    properties: tuple[tuple[str, str], ...] = ()


async def verify(letter: Letter, asks: Asks, rules: Rules) -> list[Outcome]:
    """One outcome for each signature, from the top, at most `rules.most`. The keys are asked for all at once, while
    the body is hashed.
    """
    some = letter.named(NAME)[: rules.most]
    if not some:
        return []
    read = [_read(field, letter, rules) for field in some]
    waiting = [one for one in read if isinstance(one, Signature)]
    if not waiting:
        return [one for one in read if isinstance(one, Outcome)]
    keys, digests = await gather(letter, asks, waiting)
    return [
        _judge(one, field, letter, keys[one.key_name, one.algorithm], digests) if isinstance(one, Signature) else one
        for field, one in zip(some, read, strict=True)
    ]


Keys = dict[tuple[str, str], Key | Outcome]


async def gather(
    letter: Letter, asks: Asks, some: list[Signature], more: Iterable[tuple[str, str]] = ()
) -> tuple[Keys, dict[Demand, Digest]]:
    """The keys of these signatures, by name and algorithm, and the hashes of the body that they speak of. `more`: names
    and algorithms of further keys.
    """
    wanted = list({(one.key_name, one.algorithm) for one in some} | set(more))
    hashing = letter.digests({one.demand for one in some})
    if len(wanted) == 1 and letter.small:  # most mail: two tasks less
        digests = await hashing
        return {wanted[0]: await _key(asks, *wanted[0])}, digests
    keys, digests = await asyncio.gather(asyncio.gather(*(_key(asks, *one) for one in wanted)), hashing)
    return dict(zip(wanted, keys, strict=True)), digests


async def _key(asks: Asks, name: str, algorithm: str) -> Key | Outcome:
    try:
        return await key.fetch(asks, name, signature.ALGORITHMS[algorithm])
    except Unusable as error:
        return Outcome(error.value, str(error))
    except Temporary:
        return Outcome("temperror", "the DNS does not say the key now")


def _read(field: Field, letter: Letter, rules: Rules) -> Signature | Outcome:
    try:
        found = signature.read(field.value)
    except BadInput as error:
        return Outcome("permerror", str(error), properties=signature.glimpse(field.value))
    wrong = at_once(found, letter, rules)
    return found if wrong is None else about(wrong, found)


def at_once(found: Signature, letter: Letter, rules: Rules) -> Outcome | None:
    """What is wrong with a signature before any key is asked for."""
    if found.algorithm not in signature.ALGORITHMS:
        old = found.algorithm == "rsa-sha1"
        return Outcome("permerror", "SHA-1 proves nothing any more" if old else "its algorithm is not known")
    if "from" not in found.names:
        return Outcome("permerror", "it does not sign From")
    if len(letter.named("from")) != 1:
        return Outcome("permerror", "the message has not one From field")
    if found.expires is not None and found.expires + _SKEW < rules.now:
        return Outcome("fail", "it has expired")
    if found.signed is not None:
        if found.signed - _SKEW > rules.now:
            return Outcome("policy", "it was made in the future")
        if rules.oldest_days and found.signed + rules.oldest_days * _DAY < rules.now:
            return Outcome("policy", f"it was made more than {rules.oldest_days} days ago")
    return None


def _judge(
    found: Signature, field: Field, letter: Letter, known: Key | Outcome, digests: dict[Demand, Digest]
) -> Outcome:
    outcome = judge(found, field, letter, known, digests)
    if isinstance(known, Key) and known.testing and outcome.value != "pass":
        outcome = Outcome("neutral", f"{outcome.reason}; the domain is only testing")  # §3.6.1 t=y: as if unsigned
    return about(outcome, found)


def judge(
    found: Signature, field: Field, letter: Letter, known: Key | Outcome, digests: dict[Demand, Digest]
) -> Outcome:
    """The arithmetic (RFC 6376 §6.1.3), and what the signature leaves uncovered."""
    if isinstance(known, Outcome):
        return known
    if known.exact and found.identity.rpartition("@")[2].lower() != found.domain:
        return Outcome("permerror", "the key is not for parts of its domain")
    digest = digests[found.demand]
    if found.length is not None and found.length > digest.size:
        return Outcome("permerror", "it covers more than the body has")
    if digest.value != found.body_hash:
        return Outcome("fail", "the body was changed")
    data = letter.covered(found.names, found.header_form) + field.unsigned(found.header_form)
    if not known.verifies(found.value, data):
        return Outcome("fail", "the header was changed or the signature is forged")
    if found.length is not None and found.length < digest.size:
        return Outcome("policy", f"{digest.size - found.length} bytes of the body are not signed (l=)")
    if double := _double(found, letter):
        return Outcome("policy", f"a second {double} is not signed")
    weak = known.kind == "rsa" and known.bits < key.STRONG
    return Outcome("pass", f"weak key of {known.bits} bits" if weak else "")


def _double(found: Signature, letter: Letter) -> str:
    """A field that is there more often than it is signed, of those that must not be."""
    signed = Counter(found.names)
    for name in signed.keys() & _ONCE:
        if signed[name] < len(letter.named(name)) > 1:
            return name.title()
    return ""


def about(outcome: Outcome, found: Signature) -> Outcome:
    """With whose signature it is (RFC 8601 §2.7.1, RFC 6008 §4)."""
    properties = (
        ("header.d", found.domain),
        ("header.i", found.identity),
        ("header.s", found.selector),
        ("header.a", found.algorithm),
        ("header.b", found.start),
    )
    return replace(outcome, domain=found.domain, start=found.start, properties=properties)
