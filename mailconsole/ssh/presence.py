"""Whether somebody is there who speaks the contract: what a screen asks by itself it has asked before."""

from __future__ import annotations

import json
import time
from collections import OrderedDict

from backend.management import rpc

_REMEMBERED = 64  # questions: a screen asks two or three, over and over
_LONGEST = 1024 * 1024  # bytes without an end of line that are kept; the service takes no such request


class Presence:
    """`touched`: when somebody last asked what no screen asks by itself. A hello always counts: it is said for that."""

    def __init__(self) -> None:
        self.touched = time.monotonic()
        self._begun = b""  # of a line
        self._asked: OrderedDict[str, None] = OrderedDict()

    def heard(self, block: bytes) -> None:
        """Bytes of the client."""
        *lines, self._begun = (self._begun + block).split(b"\n")
        if len(self._begun) > _LONGEST:
            self._begun = b""
        for line in lines:
            if self._is_new(line):
                self.touched = time.monotonic()

    def _is_new(self, line: bytes) -> bool:
        try:
            request = rpc.parse(line)
        except rpc.NotARequest:
            return False
        question = json.dumps([request.method, request.params])
        new = question not in self._asked or request.method == "hello"
        self._asked[question] = None
        self._asked.move_to_end(question)
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return new
