"""rspamd over HTTP: POST /checkv2 to its normal worker (rspamd's "Protocol"), on a port or a unix socket."""

from __future__ import annotations

import json
import re

from backend.content.scorer import Envelope, Nonsense, Said
from backend.content.spam import wire
from backend.store.bodies import Body

MARKS = 6.0  # points from which rspamd marks as it is shipped; what its answer requires (15) is for a refusal
_STATUS = re.compile(r"HTTP/1\.[01] 200(?: |$)")


class Rspamd:
    """One rspamd. `required`: its score that is spam; 0: as it is shipped."""

    def __init__(self, address: str, required: float) -> None:
        self._address = address
        self._required = required or MARKS

    async def ask(self, body: Body, envelope: Envelope) -> Said:
        """As `Scorer` says."""
        answer = await wire.exchange(self._address, _request(body.size, envelope), body)
        _, content = wire.lines(answer, _STATUS)
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            raise Nonsense("its answer is no JSON") from None
        if not isinstance(said, dict):
            raise Nonsense("its answer is no object")
        score = wire.number(said.get("score"), "score")
        if said.get("action") == "reject" and said.get("is_skipped"):  # as of GTUBE: it says so without counting
            score = max(score, self._required)
        return Said(score, self._required, wire.symbols(_symbols(said.get("symbols"))))


def _symbols(found: object) -> list[tuple[str, float | None]]:
    """Name and points of each rule that counts."""
    if not isinstance(found, dict):
        raise Nonsense("it names no symbols")
    named: list[tuple[str, float | None]] = []
    for called, one in found.items():
        points = wire.number(one.get("score", 0.0) if isinstance(one, dict) else None, "points")
        if points:
            named.append((called, points))
    return named


def _request(size: int, envelope: Envelope) -> bytes:
    context = envelope.context
    fields = [("Host", "localhost"), ("Content-Length", str(size))]
    fields += [
        ("IP", context.peer),
        ("Helo", context.helo),
        ("Hostname", context.host),
        ("From", context.sender),
        ("User", context.account or ""),
        ("Queue-Id", envelope.identity),
    ]
    fields += [("Rcpt", recipient) for recipient in context.recipients]
    said = "".join(f"{key}: {wire.value(value)}\r\n" for key, value in fields if value)
    return f"POST /checkv2 HTTP/1.0\r\n{said}\r\n".encode("ascii")
