"""The process that scores messages, one after the other: requests on its standard input, answers on the other.

It is fed hostile mail, so it has limits and may be killed at any time: nothing is lost with it. A frame is its length
in four bytes and then that many bytes; a request is a frame of JSON and a frame of the bytes it is about.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from array import array
from typing import Any, BinaryIO

from backend.content.scorer import Context
from backend.content.spam import learnt, model, parts, scoring

LENGTH = struct.Struct(">I")
_MEMORY = 1 << 30  # bytes of address space; it needs a tenth of that


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end."""
    words, lessons = model.shipped(), learnt.NOTHING
    while (head := _frame(requests)) is not None:
        data = _frame(requests)
        if data is None:
            return
        request = json.loads(head)
        if "context" not in request:
            lessons = learnt.Learnt(array("f", data))
            continue
        answer = _score(request, data, words, lessons)
        written = json.dumps(answer).encode()
        answers.write(LENGTH.pack(len(written)) + written)
        answers.flush()


def _score(request: dict[str, Any], data: bytes, words: model.Model, lessons: learnt.Learnt) -> dict[str, Any]:
    try:
        unpacked = parts.unpack(data, request["size"])
        score = scoring.score(unpacked, Context(**request["context"]), words, lessons)
    except Exception as error:  # a message that breaks the scorer must not stop the next one
        return {"failed": type(error).__name__}
    return {
        "points": score.points,
        "reasons": [(reason.name, reason.points, reason.words) for reason in score.reasons],
    }


def _frame(stream: BinaryIO) -> bytes | None:
    start = stream.read(LENGTH.size)
    if len(start) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(start)
    data = stream.read(size)
    return data if len(data) == size else None


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
