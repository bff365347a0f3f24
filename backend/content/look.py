"""One look at one message, in a child of the workshop: unpack it, ask YARA, compare its files with what is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from backend.content import file_types
from backend.content.unpack.message import unpack
from backend.content.yara import Rules
from backend.limits import Limits

_FILES = 100  # names that are answered
_LONGEST = 300  # characters of one


class Looks:
    """What a child keeps from one message to the next: the compiled rules."""

    def __init__(self) -> None:
        self._rules: Rules | None = None

    def look(self, data: bytes, job: dict[str, Any], limits: Limits) -> dict[str, Any]:
        """What was found, as JSON: `troubles` [[kind, way, words]], `refused` [[way, words]], `macros`, `files`,
        `yara` {"found": [[rule, way]], "failed": words, "version": words}, `pieces`, `milliseconds`.
        """
        began = time.perf_counter()
        unpacked = unpack(data, limits)
        unpacking = time.perf_counter() - began
        refused = [
            [list(piece.way), words]
            for piece in unpacked.pieces
            if (words := file_types.refused(piece, frozenset(job["refused_types"])))
        ]
        answer: dict[str, Any] = {
            "troubles": [[one.kind, list(one.way), one.words] for one in unpacked.troubles],
            "refused": refused[:_FILES],
            "macros": any(piece.kind == "text/x-vba" for piece in unpacked.pieces),
            "files": [[piece.name[:_LONGEST], piece.kind] for piece in unpacked.pieces if piece.name][:_FILES],
            "pieces": len(unpacked.pieces),
            "milliseconds": {"unpacking": unpacking * 1_000},
        }
        if job["yara"]:
            folders = [Path(folder) for folder in job["yara"]]
            if self._rules is None or self._rules.folders != folders:
                self._rules = Rules(folders)
            began = time.perf_counter()
            answer["yara"] = self._rules.scan(data, unpacked, limits.unpack_seconds / 4)
            answer["milliseconds"]["yara"] = (time.perf_counter() - began) * 1_000
        return answer
