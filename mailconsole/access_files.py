"""Access lists between files of this machine and the service, in pieces that a request can hold."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from backend.errors import BadInput, MailError
from mailconsole import problems
from screens.text import safe

_PIECE = 128 * 1024  # characters: at their longest in JSON, within a request
_LONGEST = 8_000  # bytes read of one line: the service says of more than 2,000 characters that they are too many
_NOTES = 100  # kept of all pieces
_TELL = 20_000  # lines between two words on the progress
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_COUNTS = ("added", "duplicates", "wide", "wrong", "contradicting", "lines")

Call = Callable[[str, dict[str, Any]], Any]


def read_in(call: Call, file: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Send a file (`-`: standard input) to `access.import`; what became of all of it. BadInput: it cannot be read."""
    answer: dict[str, Any] = {**dict.fromkeys(_COUNTS, 0), "notes": [], "dry_run": bool(arguments.get("dry_run"))}
    seen: set[int] = set()
    header = ""
    with _opened(file) as stream:
        for text in _pieces(stream):
            where = {"text": text, "header": header, "first": answer["lines"] + 1}
            try:
                piece = call("access.import", {**arguments, **where})
            except MailError:
                if answer["lines"]:
                    problems.say(f"The first {answer['lines']:,} lines are done, the rest is not.")
                raise
            header = piece["header"]
            again = sum(mark in seen for mark in piece["marks"])  # two pieces of a dry run do not know of each other
            seen.update(piece["marks"])
            piece["added"] -= again
            piece["duplicates"] += again
            before = answer["lines"]
            for name in _COUNTS:
                answer[name] += piece[name]
            answer["notes"] += piece["notes"][: _NOTES - len(answer["notes"])]
            if before // _TELL != answer["lines"] // _TELL:
                problems.say(f"{answer['lines']:,} lines, {answer['added']:,} rules ...")
    return answer


def write_out(call: Call, arguments: dict[str, Any]) -> None:
    """Write what `access.export` answers to standard output, all pieces of it."""
    after: int | None = 0
    while after is not None:
        piece = call("access.export", {**arguments, "after": after})
        sys.stdout.write("".join(f"{safe(line)}\n" for line in piece["text"].splitlines()))
        after = piece["next"]


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from None


def _pieces(stream: BinaryIO) -> Iterator[str]:
    """The lines, many at a time, with what cannot stand in a rule replaced by a letter that cannot either."""
    lines: list[str] = []
    size = 0
    for line in _lines(stream):
        if size + len(line) + 1 > _PIECE:
            yield "\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield "\n".join(lines)


def _lines(stream: BinaryIO) -> Iterator[str]:
    while raw := stream.readline(_LONGEST):
        rest = raw
        while not rest.endswith(b"\n") and len(rest) == _LONGEST:  # the end of a line that is too long to be one
            rest = stream.readline(_LONGEST)
        text = raw.rstrip(b"\r\n").decode("utf-8", "replace").removeprefix("\ufeff").replace("\t", " ")
        yield _CONTROLS.sub("\ufffd", text)
