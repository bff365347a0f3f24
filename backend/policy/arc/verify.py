"""Is the chain whole? (RFC 8617 §5.2)"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backend.errors import BadInput
from backend.policy.arc.chain import MESSAGE, RESULTS, SEAL, Chain, Set, read, sealed_data
from backend.policy.dkim import signature
from backend.policy.dkim import verify as dkim
from backend.policy.dkim.key import Key
from backend.policy.dkim.letter import Letter
from backend.policy.dkim.verify import Keys, Outcome, Rules
from backend.resolver.answer import Asks

# A quoted string, an escaped character, or one character: comments and strings are not what a host found.
_STEP = re.compile(rb'"(?:[^"\\]|\\.)*"|\\.|[^"()\\]+|.', re.DOTALL)
_LONGEST = 65_536  # bytes of results that are looked at
_PASS = re.compile(rb"[ \t\r\n]*dmarc[ \t\r\n]*=[ \t\r\n]*pass(?![A-Za-z0-9-])", re.IGNORECASE)


async def verify(letter: Letter, asks: Asks, rules: Rules) -> Chain:
    """What the sets of a message are worth."""
    if not any(letter.named(name) for name in (RESULTS, MESSAGE, SEAL)):
        return Chain("none")
    try:
        sets = read(letter)
    except BadInput as error:
        return Chain("fail", str(error))
    said = _said(sets)
    if said:
        return Chain("fail", said, sets)
    last = sets[-1].signature
    wrong = dkim.at_once(last, letter, Rules(rules.now, oldest_days=0))
    if wrong is None and SEAL in last.names:
        wrong = Outcome("fail", "it signs a seal")
    if wrong is not None:
        return Chain("fail", f"the last signature: {wrong.reason}", sets)
    unknown = next((one for one in sets if one.sealed.algorithm not in signature.ALGORITHMS), None)
    if unknown is not None:
        return Chain("fail", f"the algorithm of {unknown.sealed.domain} is not known", sets)
    wanted = {(one.sealed.key_name, one.sealed.algorithm) for one in sets}
    keys, digests = await dkim.gather(letter, asks, [last], wanted)
    outcome = dkim.judge(last, sets[-1].message, letter, keys[last.key_name, last.algorithm], digests)
    if outcome.value != "pass":
        value = "temperror" if outcome.value == "temperror" else "fail"
        return Chain(value, f"the last signature: {outcome.reason}", sets)
    return _seals(sets, keys)


def vouched(chain: Chain | None, trusted: Iterable[str]) -> str:
    """The domain of a trusted host that found the message to pass DMARC, before hosts that are trusted too changed it;
    empty when there is none. This is what may override a DMARC failure (RFC 8617 §7.2.1).
    """
    known = {name.lower() for name in trusted}
    found = ""
    if chain is None or chain.value != "pass":
        return found
    for one in reversed(chain.sets):
        if one.sealed.domain not in known:
            break
        if passes(one.results.value):
            found = one.sealed.domain
    return found


def passes(results: bytes) -> bool:
    """Whether results of a host, as in Authentication-Results, have dmarc=pass."""
    kept, depth = [], 0
    for step in _STEP.findall(results[:_LONGEST]):
        if step == b'"':  # a string without an end: what follows may be in it
            break
        depth += {b"(": 1, b")": -1 if depth else 0}.get(step, 0)
        if not depth and step[:1] not in b'()"':
            kept.append(step)
    return any(_PASS.match(part) for part in b"".join(kept).split(b";"))


def _said(sets: tuple[Set, ...]) -> str:
    """What is wrong with what the seals say of the chain before them."""
    if sets[-1].sealed.chain == "fail":
        return f"{sets[-1].sealed.domain} found it broken"
    for number, one in enumerate(sets):
        if one.sealed.chain != ("pass" if number else "none"):
            return f"seal {number + 1} says cv={one.sealed.chain}"
    return ""


def _seals(sets: tuple[Set, ...], keys: Keys) -> Chain:
    for number in range(len(sets), 0, -1):
        one = sets[number - 1]
        key = keys[one.sealed.key_name, one.sealed.algorithm]
        if isinstance(key, Outcome):
            value = "temperror" if key.value == "temperror" else "fail"
            return Chain(value, f"seal {number}: {key.reason}", sets)
        if not _holds(sets[:number], key):
            return Chain("fail", f"seal {number} is broken", sets)
    return Chain("pass", f"{len(sets)} set{'s' if len(sets) > 1 else ''}", sets)


def _holds(sets: tuple[Set, ...], key: Key) -> bool:
    last = sets[-1]
    return key.verifies(last.sealed.value, sealed_data(sets) + last.seal.unsigned("relaxed"))
