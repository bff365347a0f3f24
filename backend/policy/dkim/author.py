"""Whose mail it is: the domain of the addresses in From (RFC 5322 §3.6.2)."""

from __future__ import annotations

import re

from backend import address
from backend.errors import BadInput
from backend.policy.dkim.letter import Letter

_LONGEST = 10_000  # bytes of From that are looked at
# One step each: a quoted string, an escaped character, a word, or one character. None can be read in two ways.
_STEP = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[^"()\\<>,:;\s]+|.', re.DOTALL)


def domain(letter: Letter) -> str | None:
    """The domain in A-labels; None when there is not one From field, or its addresses are of several domains."""
    fields = letter.named("from")
    if len(fields) != 1:
        return None
    found = set(domains(fields[0].value))
    return found.pop() if len(found) == 1 else None


def domains(value: bytes) -> list[str]:
    """The domains of all addresses in a From, as far as they can be read."""
    found: list[str] = []
    depth = 0  # of comments
    word = ""
    angled = ""  # what stands in the last <...>
    for step in _STEP.findall(value[:_LONGEST].decode("utf-8", "replace")):
        if step == "(":
            depth += 1
        elif step == ")":
            depth = max(0, depth - 1)
        elif depth or step.isspace():
            continue
        elif step == "<":
            word = ""
        elif step == ">":
            angled, word = word, ""
        elif step in ",;":
            _note(found, angled or word)
            angled = word = ""
        elif step == ":":  # the end of a group's name
            word = ""
        else:
            word += step
    _note(found, angled or word)
    return found


def _note(found: list[str], written: str) -> None:
    _, at, host = written.rpartition("@")
    if at:
        try:
            found.append(address.domain(host))
        except BadInput:
            found.append("")  # there is an author whose domain is none
