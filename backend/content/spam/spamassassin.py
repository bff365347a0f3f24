"""SpamAssassin over the protocol of its daemon: SYMBOLS of SPAMC/1.5 (spamd/PROTOCOL), on a port or a unix socket.

It reads who brought a message from the message, so our Received field goes before it, as it will stand there.
The protocol is a line, two fields and the message. The package aiospamc speaks it too, but holds every message whole,
sets no end to an answer, and brings a command line, a logger and a terminal toolkit along (typer, loguru, rich).
"""

from __future__ import annotations

import re

from backend.content.scorer import Envelope, Nonsense, Said
from backend.content.spam import wire
from backend.store.bodies import Body

_STATUS = re.compile(r"SPAMD/1\.\d 0 ")
_SPAM = re.compile(r"(?:True|False|Yes|No)\s*;\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*/\s*(-?\d{1,9}(?:\.\d{1,9})?)")


class SpamAssassin:
    """One spamd. `required`: its score that is spam; 0: what it says itself. `user`: whose preferences it takes."""

    def __init__(self, address: str, required: float, user: str = "") -> None:
        self._address = address
        self._required = required
        self._user = user

    async def ask(self, body: Body, envelope: Envelope) -> Said:
        """As `Scorer` says."""
        body = body.under(envelope.received)
        user = f"User: {wire.value(self._user)}\r\n" if self._user else ""
        head = f"SYMBOLS SPAMC/1.5\r\nContent-length: {body.size}\r\n{user}\r\n".encode("ascii")
        fields, content = wire.lines(await wire.exchange(self._address, head, body), _STATUS)
        found = _SPAM.fullmatch(fields.get("spam", ""))
        if found is None:
            raise Nonsense("it does not say whether it is spam")
        required = self._required or wire.number(float(found[2]), "threshold")
        if required <= 0:
            raise Nonsense("its threshold is not above 0")
        named = [one.strip() for one in content.decode("latin-1").split(",")]
        return Said(
            wire.number(float(found[1]), "score"), required, wire.symbols([(one, None) for one in named if one])
        )
