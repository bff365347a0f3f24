"""Seals a message that we pass on: what we found of it, a signature of it as it leaves, and both under a seal (RFC 8617
§5.1). Whoever gets it can then see that it was right when it came to us.
"""

from __future__ import annotations

import base64

from backend.policy.arc.chain import MOST, Chain
from backend.policy.dkim import sign
from backend.policy.dkim.letter import Field, Letter
from backend.policy.dkim.sign import WHOLE, SigningKey


async def seal(letter: Letter, chain: Chain, results: bytes, key: SigningKey, now: float) -> bytes:
    """The three fields, to be put above `letter`; `results` is our field Authentication-Results, with its line end.

    Empty when nothing may be added: the sets are not in order, the chain was called broken before, its state is not
    known now, or there are 50 sets.
    """
    number = len(chain.sets) + 1
    over = bool(chain.sets) and chain.sets[-1].sealed.chain == "fail"
    if number > MOST or over or chain.value == "temperror" or (chain.value == "fail" and not chain.sets):
        return b""
    digest = (await letter.digests([WHOLE]))[WHOLE]
    found = b"ARC-Authentication-Results: i=%d;" % number + results.partition(b":")[2]
    some = sign.names(letter, ("dkim-signature",))
    common = [("i", str(number)), ("a", key.algorithm), ("t", str(int(now)))]
    whose = [("d", key.domain), ("s", key.selector)]
    tags = [
        *common,
        ("c", "relaxed/relaxed"),
        *whose,
        ("h", ":".join(some)),
        ("bh", base64.b64encode(digest.value).decode("ascii")),
    ]
    signature = sign.write("ARC-Message-Signature", tags, letter.covered(some, "relaxed"), key)
    # A broken chain is sealed as if this set were the only one (RFC 8617 §5.1.2).
    before = [field for one in chain.sets for field in one.fields] if chain.value == "pass" else []
    data = b"".join(field.canonical("relaxed") for field in [*before, Field(found), Field(signature)])
    return sign.write("ARC-Seal", [*common, ("cv", chain.value), *whose], data, key) + signature + found
