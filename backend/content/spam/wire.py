"""A connection to a scorer: a request and the message stream out, an answer of a bounded length comes in."""

from __future__ import annotations

import asyncio
import math
import re
from contextlib import suppress

from backend.content.daemons import connect, pieces
from backend.content.scorer import Nonsense
from backend.store.bodies import Body

_ANSWER = 256 * 1024  # bytes; honest ones have some 3,000
_MOST = 10_000.0  # points, in a scorer's own measure: SpamAssassin's test message has 1,000
_SYMBOLS = 20  # that are kept of one answer
_NAME = 40  # characters of one
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.:/+-]")


async def exchange(address: str, head: bytes, body: Body) -> bytes:
    """What is answered, as long as it says or until it hangs up. A large message is never held whole.

    OSError when there is nobody; Nonsense when the answer does not end.
    """
    reader, writer = await connect(address)
    try:
        sending = asyncio.ensure_future(_send(writer, head, body))
        try:
            answer = await _all(reader)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, OSError, RuntimeError):  # it may answer before it has read all
                await sending
        return answer
    finally:
        writer.transport.abort()  # what a scorer that hangs has not read yet is not kept for it


def lines(answer: bytes, status: re.Pattern[str]) -> tuple[dict[str, str], bytes]:
    """The fields of an answer, by their names in lower case, and what is below. Nonsense unless its first line fits
    `status`.
    """
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *others = head.decode("latin-1").split("\r\n")
    if not status.match(first):
        raise Nonsense(f"it says {safe(first)}" if first else "it hung up without a word")
    fields = {}
    for line in others:
        key, _, value = line.partition(":")
        fields[key.strip().lower()] = value.strip()
    return fields, rest


def number(value: object, what: str) -> float:
    """A number that can be one of points; Nonsense when it is none, or is beyond all measure."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Nonsense(f"its {what} is no number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found) or abs(found) > _MOST:
        raise Nonsense(f"its {what} is beyond all measure")
    return found


def symbol(called: str) -> str:
    """The name of a rule of somebody else, as it may stand anywhere."""
    return _UNSAFE.sub("?", called[:_NAME])


def symbols(found: list[tuple[str, float | None]]) -> tuple[tuple[str, float | None], ...]:
    """The weightiest of them, their names made safe."""
    found.sort(key=lambda one: -abs(one[1] or 0.0))
    return tuple((symbol(called), points) for called, points in found[:_SYMBOLS])


def value(words: str) -> str:
    """Outside text as the value of a header field of a request: what is not printable ASCII is `?`."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in words[:1_000])


def safe(words: str) -> str:
    """What a scorer says instead of an answer, for people."""
    return repr(value(words)[:80])


async def _send(writer: asyncio.StreamWriter, head: bytes, body: Body) -> None:
    writer.write(head)
    async for piece in pieces(body):
        writer.write(piece)
        await writer.drain()


async def _all(reader: asyncio.StreamReader) -> bytes:
    answer, whole = bytearray(), -1
    while piece := await reader.read(_ANSWER):
        answer += piece
        if whole < 0 and (end := answer.find(b"\r\n\r\n")) >= 0:
            said = _LENGTH.search(answer, 0, end + 2)
            whole = end + 4 + int(said[1]) if said else _ANSWER
        if len(answer) > _ANSWER:
            raise Nonsense("its answer does not end")
        if 0 <= whole <= len(answer):
            break
    return bytes(answer)
