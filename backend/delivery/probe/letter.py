"""The letters of the probe: EICAR and GTUBE, the two test files that harm nobody and that everybody must find."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass

from backend import clock
from backend.config import Site
from backend.content.spam.rules import GTUBE
from backend.smtp.probing import FIELD
from backend.store.probes import NAMES, Direction, Letter, What

# In two pieces: an engine of the host that reads this file must not find it here.
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_WHERE = {"in": "from outside", "out": "from inside"}


@dataclass(frozen=True, slots=True)
class Written:
    """One letter, as it is sent; lines end with CR LF, and none begins with a dot."""

    letter: Letter
    recipient: str
    data: bytes

    @property
    def digest(self) -> str:
        """Of all its bytes."""
        return hashlib.sha256(self.data).hexdigest()


def write(direction: Direction, what: What, site: Site, recipient: str) -> Written:
    """A new letter, with a token of its own."""
    letter = Letter(secrets.token_hex(16), direction, what)
    lines = [
        f"From: Mailconsole <postmaster@{site.domain}>",
        f"To: {recipient}",
        f"Subject: The daily probe: {NAMES[what]}, {_WHERE[direction]}",
        f"Date: {clock.date(time.time())}",
        f"Message-ID: <{letter.token}@{site.hostname}>",
        f"{FIELD}: {letter.token}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]
    if what == "gtube":
        lines += ["Content-Type: text/plain; charset=us-ascii", "", GTUBE, ""]
    else:
        lines += [
            "Content-Type: application/octet-stream",
            "Content-Transfer-Encoding: base64",
            "",
            base64.b64encode(EICAR.encode()).decode(),
            "",
        ]
    return Written(letter, recipient, "\r\n".join(lines).encode("ascii", "replace"))
