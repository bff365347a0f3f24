"""One look at one message, in a child of the workshop: unpack it once; ask YARA, compare its files with what is
refused, and weigh it for spam, as far as the job wants each.
"""

from __future__ import annotations

import signal
import time
from array import array
from pathlib import Path
from types import FrameType
from typing import Any

from backend.content import file_types
from backend.content.scorer import Context
from backend.content.spam import learnt, model, parts, scoring
from backend.content.unpack.message import unpack
from backend.content.unpacked import Unpacked
from backend.content.yara import Rules
from backend.limits import MIB, Limits

_FILES = 100  # names that are answered
_LONGEST = 300  # characters of one
HIDDEN = 16 * MIB  # bytes in all; an honest message has none


class _Late(Exception):
    """The time for the score is over."""


class Looks:
    """What a child keeps from one message to the next: the compiled rules, and what the site has learnt of spam."""

    def __init__(self) -> None:
        self._rules: Rules | None = None
        self._lessons = learnt.NOTHING
        self.hidden: tuple[bytes, ...] = ()  # of the last message: what other engines may not see in it

    def teach(self, lessons: bytes) -> None:
        """What the site has learnt, for all messages from now on."""
        self._lessons = learnt.Learnt(array("f", lessons))

    def look(self, data: bytes, job: dict[str, Any], limits: Limits) -> dict[str, Any]:
        """What was found, as JSON. Where `viruses` are wanted: `troubles` [[kind, way, words]], `refused`
        [[way, words]], `macros`, `files`, `yara` {"found": [[rule, way]], "failed": words, "version": words}.
        Where `spam` is: `spam` {"points", "reasons"} or {"failed": word}. In any case `pieces` and `milliseconds`.
        """
        self.hidden = ()
        began = time.monotonic()
        unpacked = unpack(data, limits, deep=job["viruses"] is not None)
        spent = {"unpacking": (time.monotonic() - began) * 1_000}
        answer: dict[str, Any] = {"pieces": len(unpacked.pieces), "milliseconds": spent}
        if job["viruses"] is not None:
            answer |= self._viruses(data, unpacked, job["viruses"], limits, spent)
        if job["spam"] is not None:
            start = time.monotonic()
            left = began + limits.unpack_seconds - start
            answer["spam"] = self._spam(unpacked, job["spam"], min(left, job["spam_seconds"]))
            spent["spam"] = (time.monotonic() - start) * 1_000
        return answer

    def _viruses(
        self, data: bytes, unpacked: Unpacked, wanted: dict[str, Any], limits: Limits, spent: dict[str, float]
    ) -> dict[str, Any]:
        refused_types = frozenset(wanted["refused_types"])
        refused = [
            [list(piece.way), words] for piece in unpacked.pieces if (words := file_types.refused(piece, refused_types))
        ]
        answer: dict[str, Any] = {
            "troubles": [[one.kind, list(one.way), one.words] for one in unpacked.troubles],
            "refused": refused[:_FILES],
            "macros": any(piece.kind == "text/x-vba" for piece in unpacked.pieces),
            "files": [[piece.name[:_LONGEST], piece.kind] for piece in unpacked.pieces if piece.name][:_FILES],
        }
        if wanted["hidden"]:
            self._hide(unpacked, answer)
        if wanted["yara"]:
            folders = [Path(folder) for folder in wanted["yara"]]
            if self._rules is None or self._rules.folders != folders:
                self._rules = Rules(folders)
            began = time.monotonic()
            answer["yara"] = self._rules.scan(data, unpacked, limits.unpack_seconds / 4)
            spent["yara"] = (time.monotonic() - began) * 1_000
        return answer

    def _hide(self, unpacked: Unpacked, answer: dict[str, Any]) -> None:
        """Put aside what other engines get by itself; it is not in the answer, but follows it."""
        pieces = [piece for piece in unpacked.pieces if piece.hidden]
        if sum(len(piece.data) for piece in pieces) > HIDDEN:
            words = f"more than {HIDDEN:,} bytes are written as what they are not said to be"
            answer["troubles"].append(["too large", [], words])
        else:
            self.hidden = tuple(piece.data for piece in pieces)

    def _spam(self, unpacked: Unpacked, context: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The score; its time is its own, and whatever goes wrong in it takes nothing from the rest of the answer."""
        if seconds <= 0:
            return {"failed": "late"}
        signal.signal(signal.SIGALRM, _late)
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, seconds)
                excerpt = parts.excerpt(unpacked)
                score = scoring.score(excerpt, Context(**context), model.shipped(), self._lessons)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except _Late:
            return {"failed": "late"}
        except Exception as error:  # a message that breaks the scorer must not stop the next one
            return {"failed": type(error).__name__}
        reasons = [[reason.name, reason.points, reason.words] for reason in score.reasons]
        return {"points": score.points, "reasons": reasons}


def _late(number: int, frame: FrameType | None) -> None:
    raise _Late
