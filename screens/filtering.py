"""The words of the filter line: `state:deferred to:*@remote.test error:timeout older:2h`. A bare word is a guess."""

from __future__ import annotations

import re
from typing import Any

_KEYS = {
    "state": "state",
    "domain": "domain",
    "from": "sender",
    "sender": "sender",
    "to": "recipient",
    "recipient": "recipient",
    "id": "message",
    "message": "message",
    "error": "error",
    "older": "older_than",
    "newer": "newer_than",
}
_STATES = ("new", "active", "deferred", "held")
_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')  # "..." keeps blanks together: error:"timed out"
_QUEUE_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{13}(-\d+)?", re.IGNORECASE)
HELP = "state:held domain:x.org from:*@x.org to:bob@* error:timeout older:2h id:…"


class FilterError(ValueError):
    """A word that is no filter; the sentence says which are."""


def parse(words: str) -> dict[str, Any]:
    """The arguments of `queue.list`; FilterError in a sentence."""
    found: dict[str, Any] = {}
    for word in _WORD.findall(words):
        word = word.replace('"', "")
        key, colon, value = word.partition(":")
        if not colon:
            key, value = _guess(word)
        if key.lower() not in _KEYS:
            raise FilterError(f"There is no filter {key!r}; there are {', '.join(sorted(set(_KEYS)))}.")
        if not value:
            raise FilterError(f"{key}: wants a value behind the colon.")
        name = _KEYS[key.lower()]
        if name == "state" and value not in _STATES:
            raise FilterError(f"There is no state {value!r}; there are {', '.join(_STATES)}.")
        found[name] = value.partition("-")[0] if name == "message" else value
    return found


def _guess(word: str) -> tuple[str, str]:
    if word in _STATES:
        return "state", word
    if _QUEUE_ID.fullmatch(word):
        return "id", word
    return ("to", word) if "@" in word else ("domain", word)
