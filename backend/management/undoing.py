"""The ids of what can be undone: U17."""

from __future__ import annotations

import re

from backend.errors import BadInput

_ID = re.compile(r"U(\d{1,15})", re.IGNORECASE)


def number(written: str) -> int:
    """The number of the deletion; BadInput when it is none."""
    found = _ID.fullmatch(written.strip())
    if found is None:
        raise BadInput(f"{written[:40]!r} is nothing that can be undone; it is as U17: `mailconsole deletions`.")
    return int(found[1])
