"""What a site has learnt: in how many messages of spam and of good mail a token was, counted by its hash.

There is a fixed number of places, so neither the table nor the work for a message grows with what is learnt; and a
lesson is taken back by counting down.
"""

from __future__ import annotations

import math
import zlib
from array import array
from dataclasses import dataclass

from backend.content.spam.tokens import Tokens

BITS = 16
PLACES = 1 << BITS
_WEIGHTIEST = 150  # tokens that speak for a message: those that were seen on one side only, or nearly
_DOUBT = 1.0  # of each side: what a count of one is worth
_MOST = 8.0  # points
_SURE = 10  # lessons until they count in full


@dataclass(frozen=True, slots=True)
class Learnt:
    """`spam` and `ham`: counts by place, or empty; and how many messages were learnt of each."""

    spam: array[int]
    ham: array[int]
    spam_messages: int = 0
    ham_messages: int = 0

    def weigh(self, found: Tokens) -> float:
        """Points for spam or against it; 0 when nothing was learnt."""
        messages = self.spam_messages + self.ham_messages
        if not messages:
            return 0.0
        balance = math.log((self.ham_messages + 2.0) / (self.spam_messages + 2.0))
        weights, known, all_places = [], 0, places(found)
        for place in all_places:
            spam, ham = self.spam[place], self.ham[place]
            if spam or ham:
                known += 1
                weights.append(math.log((spam + _DOUBT) / (ham + _DOUBT)) + balance * min(1.0, (spam + ham) / 8))
        weights.sort(key=abs, reverse=True)
        said = weights[:_WEIGHTIEST]
        if not said:
            return 0.0
        share = known / len(all_places)  # of a message of which little is known, little is said
        mean = sum(said) / len(said)
        sure = 0.5 + 0.5 * min(1.0, messages / _SURE)
        return max(-_MOST, min(_MOST, 2 * _MOST * mean * share * share * sure))


NOTHING = Learnt(array("H"), array("H"))


def places(found: Tokens) -> set[int]:
    """Where the words and the form of a message are counted; fragments are not, they fill the table."""
    crc = zlib.crc32
    return {
        crc(token.encode("utf-8", "replace")) & (PLACES - 1) for kind in (found.words, found.form) for token in kind
    }


def pack(learnt: Learnt) -> bytes:
    """As bytes, for another process of the same machine."""
    head = array("Q", (learnt.spam_messages, learnt.ham_messages))
    return head.tobytes() + learnt.spam.tobytes() + learnt.ham.tobytes()


def unpack(data: bytes) -> Learnt:
    """What `pack` packed."""
    head = array("Q", data[:16])
    half = (len(data) - 16) // 2
    return Learnt(array("H", data[16 : 16 + half]), array("H", data[16 + half :]), head[0], head[1])
