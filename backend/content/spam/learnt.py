"""What a site has learnt: weights of its own on top of the model's, for pairs of words and for who and what is linked.

A lesson moves a message by as many points as it was wrong, shared out over its tokens, so mail like it moves along and
other mail hardly does; it is taken back by the same step. There is a fixed number of places, so neither the table nor
the work for a message grows with what is learnt. Single words are left out: they are in everybody's mail.
"""

from __future__ import annotations

import math
import zlib
from array import array
from dataclasses import dataclass

from backend.content.spam.tokens import Tokens
from backend.store.spam_lessons import PLACES

_MOST = 15.0  # points: enough to outweigh the model
_TELLING = ("f:", "l:", "lp:", "x:")  # of the form: the author's name, hosts and paths of links, the mail program


@dataclass(frozen=True, slots=True)
class Learnt:
    """A weight for each place; empty when nothing was learnt."""

    weights: array[float]

    def weigh(self, found: Tokens) -> float:
        """Points for spam or against it; 0 when nothing was learnt."""
        if not self.weights:
            return 0.0
        where = places(found)
        total = sum(map(self.weights.__getitem__, where))
        return max(-_MOST, min(_MOST, total / math.sqrt(max(1, len(where)))))


NOTHING = Learnt(array("f"))


def places(found: Tokens) -> set[int]:
    """Where the tokens of a message that a site learns are kept."""
    crc = zlib.crc32
    pairs = {token for token in found.words if " " in token}
    pairs.update(token for token in found.form if token.startswith(_TELLING))
    return {crc(token.encode("utf-8", "replace")) % PLACES for token in pairs}
