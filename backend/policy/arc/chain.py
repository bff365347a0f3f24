"""The ARC sets of a message: three fields of one number each, from the first host that sealed to the last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backend import address
from backend.errors import BadInput
from backend.policy.dkim import signature, tags
from backend.policy.dkim.letter import Field, Letter
from backend.policy.dkim.signature import Signature

MOST = 50  # sets of one message (RFC 8617 §5.1.1.1)
RESULTS, MESSAGE, SEAL = "arc-authentication-results", "arc-message-signature", "arc-seal"
_FIRST = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*(\d{1,4})[ \t\r\n]*;")
_CHAIN = ("none", "pass", "fail")  # what cv= may say


@dataclass(frozen=True, slots=True)
class Seal:
    """An ARC-Seal that was understood."""

    algorithm: str
    value: bytes
    chain: str  # cv=
    domain: str
    selector: str

    @property
    def key_name(self) -> str:
        """Where the DNS has the key."""
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Set:
    """The three fields of one host, as they are and as they were understood."""

    results: Field
    message: Field
    seal: Field
    signature: Signature
    sealed: Seal

    @property
    def fields(self) -> tuple[Field, Field, Field]:
        """In the order in which they are sealed (RFC 8617 §5.1.1)."""
        return self.results, self.message, self.seal


@dataclass(frozen=True, slots=True)
class Chain:
    """The sets of a message and what they are worth: none, pass, fail; temperror when the DNS does not say it now.
    `sets` is empty where they are not even complete.
    """

    value: str
    reason: str = ""
    sets: tuple[Set, ...] = ()

    @property
    def sealer(self) -> str:
        """The domain that sealed last."""
        return self.sets[-1].sealed.domain if self.sets else ""


def read(letter: Letter) -> tuple[Set, ...]:
    """The sets, the first one first; BadInput with half a sentence when they are not in order (RFC 8617 §5.2)."""
    columns = [letter.named(name) for name in (RESULTS, MESSAGE, SEAL)]
    number = len(columns[2])
    if max(map(len, columns)) > MOST:
        raise BadInput(f"there are more than {MOST} sets")
    if any(len(column) != number for column in columns):
        raise BadInput("a set is not complete")
    by_number: list[dict[int, Field]] = []
    for column in columns:
        found = {_number(field): field for field in column}
        if found.keys() != set(range(1, number + 1)):
            raise BadInput("the sets are not numbered from 1")
        by_number.append(found)
    results, messages, seals = by_number
    return tuple(_set(results[one], messages[one], seals[one], one) for one in range(1, number + 1))


def sealed_data(sets: Sequence[Set]) -> bytes:
    """What the last seal of these covers, but for itself."""
    fields = [field for one in sets for field in one.fields][:-1]
    return b"".join(field.canonical("relaxed") for field in fields)


def _number(field: Field) -> int:
    if field.name == RESULTS:
        found = _FIRST.match(field.value)
        if found is None:
            raise BadInput("a set has no number")
        return int(found[1])
    number = tags.number(tags.parse(field.value), "i")
    if number is None:
        raise BadInput("a set has no number")
    return number


def _set(results: Field, message: Field, seal: Field, number: int) -> Set:
    found = tags.parse(seal.value)
    for name in ("a", "b", "cv", "d", "s"):
        if not found.get(name):
            raise BadInput(f"seal {number} has no {name}=")
    if "h" in found:
        raise BadInput(f"seal {number} names fields")
    chain = found["cv"].lower()
    if chain not in _CHAIN:
        raise BadInput(f"seal {number} says nothing of the chain")
    try:
        domain = address.domain(tags.plain(found["d"]))
        selector = tags.plain(found["s"]).lower()
        address.domain(f"{selector}._domainkey.{domain}")
    except BadInput:
        raise BadInput(f"seal {number} has no domain") from None
    sealed = Seal(found["a"].lower(), tags.base64_bytes(found["b"], "b"), chain, domain, selector)
    return Set(results, message, seal, signature.read(message.value, arc=True), sealed)
